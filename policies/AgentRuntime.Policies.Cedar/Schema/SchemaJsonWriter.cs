using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>Schemas as JSON, with names as they were written.</summary>
internal static class SchemaJsonWriter
{
    public static void Write(Utf8JsonWriter json, SchemaSyntax schema)
    {
        json.WriteStartObject();
        foreach (var space in schema.Namespaces)
        {
            if (space.Name.Length == 0 && space.CommonTypes.Count + space.EntityTypes.Count + space.Actions.Count == 0)
                continue;
            json.WriteStartObject(space.Name);
            if (space.CommonTypes.Count > 0)
            {
                json.WriteStartObject("commonTypes");
                foreach (var type in space.CommonTypes)
                {
                    json.WriteStartObject(type.Name.Name);
                    WriteTypeFields(json, type.Type);
                    WriteAnnotations(json, type.Annotations);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }

            json.WriteStartObject("entityTypes");
            foreach (var type in space.EntityTypes) WriteEntityType(json, type);
            json.WriteEndObject();
            json.WriteStartObject("actions");
            foreach (var action in space.Actions) WriteAction(json, action);
            json.WriteEndObject();
            WriteAnnotations(json, space.Annotations);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteEntityType(Utf8JsonWriter json, EntityTypeSyntax type)
    {
        json.WriteStartObject(type.Name.Name);
        if (type.EnumIds is not null)
        {
            json.WriteStartArray("enum");
            foreach (var id in type.EnumIds) json.WriteStringValue(id);
            json.WriteEndArray();
        }

        if (type.MemberOf.Length > 0) WriteNames(json, "memberOfTypes", type.MemberOf);
        if (type.Shape is not null) WriteType(json, "shape", type.Shape);
        if (type.Tags is not null) WriteType(json, "tags", type.Tags);
        WriteAnnotations(json, type.Annotations);
        json.WriteEndObject();
    }

    private static void WriteAction(Utf8JsonWriter json, ActionSyntax action)
    {
        json.WriteStartObject(action.Name.Name);
        if (action.MemberOf.Length > 0)
        {
            json.WriteStartArray("memberOf");
            foreach (var group in action.MemberOf)
            {
                json.WriteStartObject();
                json.WriteString("id", group.Id);
                if (group.Type is not null) json.WriteString("type", group.Type);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        // An action that applies to nothing says so, as the reference implementation has it.
        json.WriteStartObject("appliesTo");
        WriteNames(json, "principalTypes", action.AppliesTo?.Principals ?? []);
        WriteNames(json, "resourceTypes", action.AppliesTo?.Resources ?? []);
        if (action.AppliesTo?.Context is { } context) WriteType(json, "context", context);
        json.WriteEndObject();
        WriteAnnotations(json, action.Annotations);
        json.WriteEndObject();
    }

    private static void WriteType(Utf8JsonWriter json, string name, TypeSyntax type)
    {
        json.WriteStartObject(name);
        WriteTypeFields(json, type);
        json.WriteEndObject();
    }

    private static void WriteTypeFields(Utf8JsonWriter json, TypeSyntax type)
    {
        switch (type)
        {
            case SetTypeSyntax set:
                json.WriteString("type", "Set");
                WriteType(json, "element", set.Element);
                break;
            case RecordTypeSyntax record:
                json.WriteString("type", "Record");
                json.WriteStartObject("attributes");
                foreach (var attribute in record.Attributes)
                {
                    json.WriteStartObject(attribute.Name);
                    WriteTypeFields(json, attribute.Type);
                    if (!attribute.IsRequired) json.WriteBoolean("required", false);
                    WriteAnnotations(json, attribute.Annotations);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
                break;
            case NamedTypeSyntax { Role: NameRole.Primitive } primitive:
                json.WriteString("type", primitive.Name == "Bool" ? "Boolean" : primitive.Name);
                break;
            case NamedTypeSyntax named:
                json.WriteString("type", named.Role.ToString());
                json.WriteString("name", named.Name);
                break;
            default: throw new InvalidOperationException($"No JSON for {type.GetType().Name}.");
        }
    }

    private static void WriteNames(Utf8JsonWriter json, string name, NameSyntax[] names)
    {
        json.WriteStartArray(name);
        foreach (var item in names) json.WriteStringValue(item.Name);
        json.WriteEndArray();
    }

    private static void WriteAnnotations(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, string?>> annotations)
    {
        if (annotations.Count == 0) return;
        json.WriteStartObject("annotations");
        foreach (var (name, value) in annotations) json.WriteString(name, value ?? "");
        json.WriteEndObject();
    }
}
