namespace AgentRuntime.Policies.Cedar;

internal sealed partial class SchemaParser
{
    private bool ReadAction(NamespaceSyntax into, IReadOnlyList<KeyValuePair<string, string?>> annotations)
    {
        var names = new List<NameSyntax>();
        do
        {
            if (ReadName() is not { } name) return false;
            names.Add(name);
        }
        while (Accept(TokenKind.Comma));

        ActionRefSyntax[] parents = [];
        AppliesToSyntax? appliesTo = null;
        if (AcceptWord("in"))
        {
            if (ReadActionRefs() is not { } found) return false;
            parents = found;
        }

        if (AcceptWord("appliesTo"))
        {
            appliesTo = ReadAppliesTo();
            if (appliesTo is null) return false;
        }

        // Read for the sake of old schemas; it has no meaning.
        if (AcceptWord("attributes")
            && !(Expect(TokenKind.OpenBrace, "`{`") && Expect(TokenKind.CloseBrace, "`}`"))) return false;
        if (!Expect(TokenKind.Semicolon, "`;`")) return false;
        foreach (var name in names) into.Actions.Add(new(name, annotations, parents, appliesTo));
        return true;
    }

    private ActionRefSyntax[]? ReadActionRefs()
    {
        if (!Accept(TokenKind.OpenBracket)) return ReadActionRef() is { } one ? [one] : null;
        var refs = new List<ActionRefSyntax>();
        do
        {
            if (ReadActionRef() is not { } found) return null;
            refs.Add(found);
        }
        while (Accept(TokenKind.Comma));
        return Expect(TokenKind.CloseBracket, "`,` or `]`") ? [.. refs] : null;
    }

    private ActionRefSyntax? ReadActionRef()
    {
        var start = Current;
        if (start.Kind == TokenKind.String || NextKind != TokenKind.DoubleColon)
            return ReadName() is { } name ? new(null, name.Name, name.Position) : null;
        var type = "";
        while (Current.Kind == TokenKind.Identifier)
        {
            var part = Current;
            if (!IsUsableIdentifier(part)) return null;
            Advance();
            type = type.Length == 0 ? Text(part) : $"{type}::{Text(part)}";
            if (!Expect(TokenKind.DoubleColon, "`::`")) return null;
        }

        if (ReadString() is not { } id) return null;
        return new(type, id, Source.Position(start.Start, PreviousEnd - start.Start));
    }

    private AppliesToSyntax? ReadAppliesTo()
    {
        var at = Current;
        if (!Expect(TokenKind.OpenBrace, "`{`")) return null;
        NameSyntax[]? principals = null, resources = null;
        TypeSyntax? context = null;
        while (Current.Kind != TokenKind.CloseBrace)
        {
            var key = Current;
            bool fresh;
            if (AcceptWord("principal")) fresh = principals is null && ReadEntityTypes(key, out principals);
            else if (AcceptWord("resource")) fresh = resources is null && ReadEntityTypes(key, out resources);
            else if (AcceptWord("context")) fresh = context is null && ReadContext(out context);
            else
            {
                Unexpected("`principal`, `resource` or `context`");
                return null;
            }

            if (!fresh)
            {
                Report(key, "syntax", $"`{Span(key)}` is given twice or has no types");
                return null;
            }

            if (!Accept(TokenKind.Comma)) break;
        }

        if (!Expect(TokenKind.CloseBrace, "`,` or `}`")) return null;
        if (principals is not null && resources is not null) return new(principals, resources, context);
        var missing = principals is null ? "principal" : "resource";
        Report(at, "syntax", $"`appliesTo` needs `{missing}`");
        return null;
    }

    private bool ReadEntityTypes(Token key, out NameSyntax[]? types)
    {
        types = null;
        if (!Expect(TokenKind.Colon, "`:`")) return false;
        types = ReadPaths();
        if (types is null) return false;
        if (types.Length > 0) return true;
        Report(key, "syntax", $"`{Span(key)}` is an empty list",
            "leave `appliesTo` out when the action applies to nothing");
        return false;
    }

    private bool ReadContext(out TypeSyntax? context)
    {
        context = null;
        if (!Expect(TokenKind.Colon, "`:`")) return false;
        context = ReadType();
        return context is not null;
    }

    private TypeSyntax? ReadType()
    {
        if (++_depth > Limits.MaximumDepth)
        {
            Report(Current, "limit", $"the type nests deeper than {Limits.MaximumDepth} levels");
            return null;
        }

        var start = Current;
        TypeSyntax? type;
        if (Current.Kind == TokenKind.OpenBrace)
        {
            type = ReadRecord();
        }
        else if (IsWord("Set") && NextKind == TokenKind.Less)
        {
            Advance();
            Advance();
            if (ReadType() is not { } element || !Expect(TokenKind.Greater, "`>`")) return null;
            type = new SetTypeSyntax(element, Source.Position(start.Start, PreviousEnd - start.Start));
        }
        else
        {
            type = ReadPath() is { } path
                ? new NamedTypeSyntax(path.Name, NameRole.EntityOrCommon, path.Position)
                : null;
        }

        _depth--;
        return type;
    }

    private RecordTypeSyntax? ReadRecord()
    {
        var start = Current;
        if (!Expect(TokenKind.OpenBrace, "`{`")) return null;
        var known = new HashSet<string>(StringComparer.Ordinal);
        var attributes = new List<AttributeSyntax>();
        while (Current.Kind != TokenKind.CloseBrace)
        {
            if (!TryAnnotations(out var annotations)) return null;
            var at = Current;
            if (ReadName() is not { } name) return null;
            var required = !Accept(TokenKind.Question);
            if (!Expect(TokenKind.Colon, "`:`") || ReadType() is not { } type) return null;
            if (!known.Add(name.Name))
            {
                Report(at, "duplicateKey", $"the attribute `{name.Name}` is declared twice");
                return null;
            }

            attributes.Add(new(name.Name, annotations, type, required));
            if (!Accept(TokenKind.Comma)) break;
        }

        if (!Expect(TokenKind.CloseBrace, "`,` or `}`")) return null;
        return new([.. attributes], IsOpen: false, Source.Position(start.Start, PreviousEnd - start.Start));
    }
}
