using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Schemas as Cedar text. Primitive types are written as <c>__cedar::Long</c>, which nothing can shadow.
/// </summary>
internal sealed class SchemaText
{
    private readonly StringBuilder _text = new();
    private string _indent = "";

    public static string Write(SchemaSyntax schema)
    {
        var writer = new SchemaText();
        foreach (var space in schema.Namespaces) writer.WriteNamespace(space);
        return writer._text.ToString();
    }

    private void WriteNamespace(NamespaceSyntax space)
    {
        if (space.Name.Length > 0)
        {
            WriteAnnotations(space.Annotations, _indent);
            _text.Append("namespace ").Append(space.Name).Append(" {\n");
            _indent = "  ";
        }

        foreach (var type in space.CommonTypes)
        {
            WriteAnnotations(type.Annotations, _indent);
            _text.Append(_indent).Append("type ").Append(type.Name.Name).Append(" = ");
            WriteType(type.Type, _indent);
            _text.Append(";\n");
        }

        foreach (var type in space.EntityTypes) WriteEntityType(type);
        foreach (var action in space.Actions) WriteAction(action);
        if (space.Name.Length == 0) return;
        _indent = "";
        _text.Append("}\n");
    }

    private void WriteEntityType(EntityTypeSyntax type)
    {
        WriteAnnotations(type.Annotations, _indent);
        _text.Append(_indent).Append("entity ").Append(type.Name.Name);
        if (type.EnumIds is not null)
            _text.Append(" enum [").AppendJoin(", ", type.EnumIds.Select(StringEscapes.Quote)).Append(']');
        if (type.MemberOf.Length > 0)
            _text.Append(" in [").AppendJoin(", ", type.MemberOf.Select(m => m.Name)).Append(']');
        if (type.Shape is RecordTypeSyntax shape)
        {
            _text.Append(" = ");
            WriteType(shape, _indent);
        }
        else if (type.Shape is not null)
        {
            throw new InvalidOperationException(
                $"the shape of `{type.Name.Name}` is a name, which the Cedar form cannot say");
        }

        if (type.Tags is not null)
        {
            _text.Append(" tags ");
            WriteType(type.Tags, _indent);
        }

        _text.Append(";\n");
    }

    private void WriteAction(ActionSyntax action)
    {
        WriteAnnotations(action.Annotations, _indent);
        _text.Append(_indent).Append("action ").Append(Name(action.Name.Name));
        if (action.MemberOf.Length > 0)
        {
            _text.Append(" in [");
            _text.AppendJoin(", ", action.MemberOf.Select(g => g.Type is null
                ? Name(g.Id)
                : $"{g.Type}::{StringEscapes.Quote(g.Id)}"));
            _text.Append(']');
        }

        // An action for no principal or no resource applies to nothing, which the Cedar form says by silence.
        if (action.AppliesTo is { Principals.Length: > 0, Resources.Length: > 0 } applies)
        {
            _text.Append(" appliesTo {\n").Append(_indent).Append("  principal: [");
            _text.AppendJoin(", ", applies.Principals.Select(p => p.Name));
            _text.Append("],\n").Append(_indent).Append("  resource: [");
            _text.AppendJoin(", ", applies.Resources.Select(r => r.Name)).Append(']');
            if (applies.Context is not null)
            {
                _text.Append(",\n").Append(_indent).Append("  context: ");
                WriteType(applies.Context, $"{_indent}  ");
            }

            _text.Append('\n').Append(_indent).Append('}');
        }

        _text.Append(";\n");
    }

    private void WriteType(TypeSyntax type, string indent)
    {
        switch (type)
        {
            case SetTypeSyntax set:
                _text.Append("Set<");
                WriteType(set.Element, indent);
                _text.Append('>');
                break;
            case RecordTypeSyntax { Attributes.Length: 0 }: _text.Append("{}"); break;
            case RecordTypeSyntax record:
                _text.Append("{\n");
                foreach (var attribute in record.Attributes)
                {
                    WriteAnnotations(attribute.Annotations, $"{indent}  ");
                    _text.Append(indent).Append("  ").Append(Name(attribute.Name));
                    _text.Append(attribute.IsRequired ? ": " : "?: ");
                    WriteType(attribute.Type, $"{indent}  ");
                    _text.Append(",\n");
                }

                _text.Append(indent).Append('}');
                break;
            case NamedTypeSyntax { Role: NameRole.Primitive or NameRole.Extension } builtIn:
                _text.Append("__cedar::").Append(builtIn.Name);
                break;
            case NamedTypeSyntax named: _text.Append(named.Name); break;
            default: throw new InvalidOperationException($"No text for {type.GetType().Name}.");
        }
    }

    private void WriteAnnotations(IReadOnlyList<KeyValuePair<string, string?>> annotations, string indent)
    {
        foreach (var (name, value) in annotations)
        {
            _text.Append(indent).Append('@').Append(name);
            if (!string.IsNullOrEmpty(value)) _text.Append('(').Append(StringEscapes.Quote(value)).Append(')');
            _text.Append('\n');
        }
    }

    private static string Name(string name) =>
        ExprText.IsAttributeName(name) ? name : StringEscapes.Quote(name);
}
