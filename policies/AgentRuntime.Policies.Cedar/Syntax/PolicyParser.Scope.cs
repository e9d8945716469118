namespace AgentRuntime.Policies.Cedar;

internal sealed partial class PolicyParser
{
    private CedarScope? ReadScope(string variable)
    {
        if (!IsWord(variable))
        {
            Unexpected($"`{variable}`");
            return null;
        }

        Advance();
        if (Current.Kind == TokenKind.Colon)
        {
            Report(Current, "syntax", "type constraints are written with `is`", suggestion: $"{variable} is Type");
            return null;
        }

        var slot = $"?{variable}";
        if (Accept(TokenKind.Equal)) return Target(slot, CedarScopeOperator.Equal, null);
        if (IsWord("in"))
        {
            Advance();
            if (variable == "action" && Current.Kind == TokenKind.OpenBracket) return ActionList();
            return Target(slot, CedarScopeOperator.In, null);
        }

        if (IsWord("is"))
        {
            if (variable == "action")
            {
                Report(Current, "syntax", "`is` cannot constrain the action",
                    suggestion: "write `action == …` or `action in …`");
                return null;
            }

            Advance();
            if (ReadName() is not { } type) return null;
            if (!IsWord("in")) return new(CedarScopeOperator.Is, type, []);
            Advance();
            return Target(slot, CedarScopeOperator.IsIn, type);
        }

        if (Current.Kind == TokenKind.Assign)
        {
            Report(Current, "syntax", "`=` is not an operator", suggestion: "write `==`");
            return null;
        }

        return CedarScope.Any;
    }

    private CedarScope? Target(string slot, CedarScopeOperator @operator, string? type)
    {
        if (Current.Kind == TokenKind.Slot)
        {
            if (slot == "?action" || Text(Current) != slot)
            {
                var message = $"`{Text(Current)}` cannot stand here";
                Report(Current, "syntax", message, suggestion: slot == "?action"
                    ? "actions have no slot" : $"write `{slot}`");
                return null;
            }

            Advance();
            return new(@operator, type, [], HasSlot: true);
        }

        var parenthesised = Accept(TokenKind.OpenParen);
        var start = Current;
        if (ReadEntity() is not { } uid) return null;
        if (parenthesised && !Expect(TokenKind.CloseParen, "`)`")) return null;
        if (slot == "?action" && !IsActionType(start, uid)) return null;
        return new(@operator, type, [uid]);
    }

    private CedarScope? ActionList()
    {
        Advance();
        var actions = new List<EntityUid>();
        while (Current.Kind != TokenKind.CloseBracket)
        {
            var start = Current;
            if (ReadEntity() is not { } uid || !IsActionType(start, uid)) return null;
            actions.Add(uid);
            if (!Accept(TokenKind.Comma)) break;
        }

        if (!Expect(TokenKind.CloseBracket, "`]`")) return null;
        return new(CedarScopeOperator.In, null, actions, IsList: true);
    }

    private bool IsActionType(Token at, EntityUid uid)
    {
        if (CedarNames.Basename(uid.Type) == "Action") return true;
        Report(at, "syntax", $"`{uid}` is not an action", suggestion: "the type of an action ends in `Action`");
        return false;
    }

    private EntityUid? ReadEntity()
    {
        var start = Current;
        if (!ReadPath(out var name, out var open)) return null;
        if (!open)
        {
            Report(start, "syntax", "an entity is written `Type::\"id\"`");
            return null;
        }

        return ReadString() is { } id ? new EntityUid(name, id, trusted: true) : null;
    }

    private string? ReadName()
    {
        if (!ReadPath(out var name, out var open)) return null;
        if (!open) return name;
        Unexpected("a type, not an entity");
        return null;
    }

    // Reads `A::B`, or `A::B::` when a string follows; then the path is open.
    private bool ReadPath(out string name, out bool open)
    {
        name = "";
        open = false;
        while (true)
        {
            var part = Current;
            if (part.Kind != TokenKind.Identifier)
            {
                if (name.Length > 0 && part.Kind == TokenKind.String)
                {
                    open = true;
                    return true;
                }

                Unexpected("a name");
                return false;
            }

            if (!IsUsableIdentifier(part)) return false;
            Advance();
            name = name.Length == 0 ? Text(part) : Intern($"{name}::{Text(part)}");
            if (!Accept(TokenKind.DoubleColon)) return true;
        }
    }
}
