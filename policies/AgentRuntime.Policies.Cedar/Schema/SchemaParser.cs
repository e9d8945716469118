namespace AgentRuntime.Policies.Cedar;

/// <summary>The Cedar form of schemas (Cedar reference, "Schema grammar"). Stops at the first error.</summary>
internal sealed partial class SchemaParser(SourceText source, CedarLimits limits, List<CedarDiagnostic> diagnostics)
    : TokenReader(source, limits, diagnostics)
{
    private static readonly string[] ReservedTypeNames =
        ["Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String"];

    private int _depth;

    public static bool IsReservedTypeName(string name) => ReservedTypeNames.Contains(name);

    public SchemaSyntax? ReadSchema()
    {
        var schema = new SchemaSyntax();
        var bare = new NamespaceSyntax("", []);
        schema.Namespaces.Add(bare);
        while (Current.Kind != TokenKind.End)
        {
            if (!TryAnnotations(out var annotations)) return null;
            if (!IsWord("namespace"))
            {
                if (!ReadDeclaration(bare, annotations)) return null;
                continue;
            }

            Advance();
            var at = Current;
            if (ReadPath() is not { } name) return null;
            if (schema.Namespaces.Exists(n => n.Name == name.Name))
            {
                Report(at, "duplicateNamespace", $"the namespace `{name.Name}` is declared twice");
                return null;
            }

            var inner = new NamespaceSyntax(name.Name, annotations);
            schema.Namespaces.Add(inner);
            if (!Expect(TokenKind.OpenBrace, "`{`")) return null;
            while (Current.Kind != TokenKind.CloseBrace)
                if (!TryAnnotations(out annotations) || !ReadDeclaration(inner, annotations)) return null;
            Advance();
        }

        return schema;
    }

    private bool ReadDeclaration(NamespaceSyntax into, IReadOnlyList<KeyValuePair<string, string?>> annotations)
    {
        if (AcceptWord("entity")) return ReadEntity(into, annotations);
        if (AcceptWord("action")) return ReadAction(into, annotations);
        if (AcceptWord("type")) return ReadCommonType(into, annotations);
        Unexpected("`entity`, `action`, `type` or `namespace`");
        return false;
    }

    private bool ReadEntity(NamespaceSyntax into, IReadOnlyList<KeyValuePair<string, string?>> annotations)
    {
        var names = new List<NameSyntax>();
        do
        {
            if (ReadIdentifier() is not { } name) return false;
            names.Add(name);
        }
        while (Accept(TokenKind.Comma));

        string[]? ids = null;
        NameSyntax[] parents = [];
        TypeSyntax? shape = null, tags = null;
        if (AcceptWord("enum"))
        {
            if (ReadEnumIds() is not { } found) return false;
            ids = found;
        }
        else
        {
            if (AcceptWord("in"))
            {
                if (ReadPaths() is not { } found) return false;
                parents = found;
            }

            if (Accept(TokenKind.Assign) || Current.Kind == TokenKind.OpenBrace)
            {
                shape = ReadRecord();
                if (shape is null) return false;
            }

            if (AcceptWord("tags"))
            {
                tags = ReadType();
                if (tags is null) return false;
            }
        }

        if (!Expect(TokenKind.Semicolon, "`;`")) return false;
        foreach (var name in names) into.EntityTypes.Add(new(name, annotations, parents, shape, tags, ids));
        return true;
    }

    private string[]? ReadEnumIds()
    {
        if (!Expect(TokenKind.OpenBracket, "`[`")) return null;
        var ids = new List<string>();
        do
        {
            if (ReadString() is not { } id) return null;
            ids.Add(id);
        }
        while (Accept(TokenKind.Comma));
        return Expect(TokenKind.CloseBracket, "`,` or `]`") ? [.. ids] : null;
    }

    private bool ReadCommonType(NamespaceSyntax into, IReadOnlyList<KeyValuePair<string, string?>> annotations)
    {
        var at = Current;
        if (ReadIdentifier() is not { } name) return false;
        if (IsReservedTypeName(name.Name))
        {
            Report(at, "reservedIdentifier", $"`{name.Name}` cannot be the name of a type");
            return false;
        }

        if (!Expect(TokenKind.Assign, "`=`") || ReadType() is not { } type) return false;
        if (!Expect(TokenKind.Semicolon, "`;`")) return false;
        into.CommonTypes.Add(new(name, annotations, type));
        return true;
    }

    private NameSyntax? ReadIdentifier()
    {
        var token = Current;
        if (!Expect(TokenKind.Identifier, "a name") || !IsUsableIdentifier(token)) return null;
        return new(Text(token), Source.Position(token.Start, token.Length));
    }

    /// <summary>An attribute's or action's name: an identifier that is no reserved word, or a string.</summary>
    private NameSyntax? ReadName()
    {
        var token = Current;
        var position = Source.Position(token.Start, token.Length);
        if (token.Kind == TokenKind.String) return ReadString() is { } text ? new(text, position) : null;
        if (!Expect(TokenKind.Identifier, "a name or a string")) return null;
        if (!CedarNames.IsReservedWord(Span(token))) return new(Text(token), position);
        Report(token, "reservedIdentifier", $"`{Span(token)}` is a reserved word", "put it in quotes");
        return null;
    }

    // `__cedar` may start a path: it names the built-in types.
    private NameSyntax? ReadPath()
    {
        var start = Current;
        var name = "";
        do
        {
            var part = Current;
            if (!Expect(TokenKind.Identifier, "a name")) return null;
            if (CedarNames.IsReservedWord(Span(part)))
            {
                Report(part, "reservedIdentifier", $"`{Span(part)}` is a reserved word");
                return null;
            }

            name = name.Length == 0 ? Text(part) : $"{name}::{Text(part)}";
        }
        while (Accept(TokenKind.DoubleColon));
        return new(Intern(name), Source.Position(start.Start, PreviousEnd - start.Start));
    }

    private NameSyntax[]? ReadPaths()
    {
        if (!Accept(TokenKind.OpenBracket)) return ReadPath() is { } one ? [one] : null;
        var paths = new List<NameSyntax>();
        while (Current.Kind != TokenKind.CloseBracket)
        {
            if (ReadPath() is not { } path) return null;
            paths.Add(path);
            if (!Accept(TokenKind.Comma)) break;
        }

        return Expect(TokenKind.CloseBracket, "`,` or `]`") ? [.. paths] : null;
    }
}
