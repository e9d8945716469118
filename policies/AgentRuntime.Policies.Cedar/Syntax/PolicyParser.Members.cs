namespace AgentRuntime.Policies.Cedar;

internal sealed partial class PolicyParser
{
    private Expr? ReadMember()
    {
        var start = Current.Start;
        var target = ReadPrimary();
        while (target is not null)
        {
            if (Accept(TokenKind.Dot))
            {
                var name = Current;
                if (!Expect(TokenKind.Identifier, "the name of an attribute or method")) return null;
                if (!IsUsableIdentifier(name)) return null;
                target = Current.Kind == TokenKind.OpenParen
                    ? ReadMethod(start, target, name)
                    : new AttributeExpr(target, Text(name)) { Start = start, Length = PreviousEnd - start };
            }
            else if (Accept(TokenKind.OpenBracket))
            {
                if (ReadString() is not { } key || !Expect(TokenKind.CloseBracket, "`]`")) return null;
                target = new AttributeExpr(target, key) { Start = start, Length = PreviousEnd - start };
            }
            else if (Current.Kind == TokenKind.OpenParen)
            {
                Report(Current, "syntax", "only functions and methods can be called");
                return null;
            }
            else
            {
                return target;
            }

            if (target is not null) target = Bounded(target);
        }

        return null;
    }

    private Expr? ReadMethod(int start, Expr target, Token name)
    {
        var method = Text(name);
        if (ReadList(TokenKind.OpenParen, TokenKind.CloseParen) is not { } arguments) return null;
        var length = PreviousEnd - start;
        var @operator = method switch
        {
            "contains" => BinaryOperator.Contains,
            "containsAll" => BinaryOperator.ContainsAll,
            "containsAny" => BinaryOperator.ContainsAny,
            "getTag" => BinaryOperator.GetTag,
            "hasTag" => BinaryOperator.HasTag,
            _ => BinaryOperator.None,
        };
        if (@operator != BinaryOperator.None)
        {
            if (arguments.Length == 1)
                return new BinaryExpr(@operator, target, arguments[0]) { Start = start, Length = length };
            Report(name, "arity", $"`{method}` takes one argument, not {arguments.Length}");
            return null;
        }

        if (method == "isEmpty")
        {
            if (arguments.Length == 0)
                return new UnaryExpr(UnaryOperator.IsEmpty, target) { Start = start, Length = length };
            Report(name, "arity", $"`isEmpty` takes no argument, not {arguments.Length}");
            return null;
        }

        if (ExtensionFunction.ByName.TryGetValue(method, out var function) && function.IsMethod)
            return new CallExpr(function, [target, .. arguments]) { Start = start, Length = length };
        var message = function is null ? $"there is no method `{method}`" : $"`{method}` is a function, not a method";
        Report(name, "unknownFunction", message);
        return null;
    }

    private Expr? ReadPrimary()
    {
        var start = Current;
        switch (start.Kind)
        {
            case TokenKind.Number:
                ReadNumber(negative: false, out var number);
                return number;
            case TokenKind.String:
                return ReadString() is { } text
                    ? new LiteralExpr(CedarValue.String(text)) { Start = start.Start, Length = start.Length }
                    : null;
            case TokenKind.Slot:
                Report(start, "slotInCondition", "a slot can only stand in the head of a template");
                return null;
            case TokenKind.OpenParen:
                Advance();
                if (ReadExpression() is not { } inner || !Expect(TokenKind.CloseParen, "`)`")) return null;
                return inner;
            case TokenKind.OpenBracket:
                if (ReadList(TokenKind.OpenBracket, TokenKind.CloseBracket) is not { } members) return null;
                return new SetExpr(members) { Start = start.Start, Length = PreviousEnd - start.Start };
            case TokenKind.OpenBrace:
                return ReadRecord();
            case TokenKind.Identifier:
                return ReadNamed(start);
            default:
                Unexpected("an expression");
                return null;
        }
    }

    private Expr? ReadNamed(Token start)
    {
        if (IsWord("true") || IsWord("false"))
        {
            var value = IsWord("true");
            Advance();
            return new LiteralExpr(CedarValue.Bool(value)) { Start = start.Start, Length = start.Length };
        }

        if (!ReadPath(out var name, out var open)) return null;
        if (open)
        {
            if (ReadString() is not { } id) return null;
            var uid = CedarValue.Entity(new EntityUid(name, id, trusted: true));
            return new LiteralExpr(uid) { Start = start.Start, Length = PreviousEnd - start.Start };
        }

        if (Current.Kind == TokenKind.OpenParen) return ReadFunction(start, name);
        var variable = name switch
        {
            "principal" => Variable.Principal,
            "action" => Variable.Action,
            "resource" => Variable.Resource,
            "context" => Variable.Context,
            _ => Variable.None,
        };
        if (variable != Variable.None)
            return new VariableExpr(variable) { Start = start.Start, Length = start.Length };
        var hint = "the variables are `principal`, `action`, `resource` and `context`; a string needs quotes";
        Report(start, "unknownVariable", $"`{name}` is not a variable", hint);
        return null;
    }

    private CallExpr? ReadFunction(Token start, string name)
    {
        if (ReadList(TokenKind.OpenParen, TokenKind.CloseParen) is not { } arguments) return null;
        if (ExtensionFunction.ByName.TryGetValue(name, out var function) && function.IsConstructor)
            return new CallExpr(function, arguments) { Start = start.Start, Length = PreviousEnd - start.Start };
        var isMethod = function is not null
            || name is "contains" or "containsAll" or "containsAny" or "isEmpty" or "getTag" or "hasTag";
        var message = isMethod ? $"`{name}` is a method, not a function" : $"there is no function `{name}`";
        Report(start, "unknownFunction", message);
        return null;
    }

    private Expr[]? ReadList(TokenKind open, TokenKind close)
    {
        if (!Expect(open, "a list")) return null;
        if (Accept(close)) return [];
        var items = new List<Expr>();
        do
        {
            if (Current.Kind == close) break;
            if (ReadExpression() is not { } item) return null;
            items.Add(item);
        }
        while (Accept(TokenKind.Comma));
        return Expect(close, close == TokenKind.CloseParen ? "`,` or `)`" : "`,` or `]`") ? [.. items] : null;
    }

    private RecordExpr? ReadRecord()
    {
        var start = Current.Start;
        Advance();
        var keys = new List<string>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var values = new List<Expr>();
        while (Current.Kind != TokenKind.CloseBrace)
        {
            var at = Current;
            string? key;
            if (at.Kind == TokenKind.String)
            {
                key = ReadString();
                if (key is null) return null;
            }
            else
            {
                if (!Expect(TokenKind.Identifier, "a key")) return null;
                if (!IsUsableIdentifier(at)) return null;
                key = Text(at);
            }

            if (!known.Add(key))
            {
                Report(at, "duplicateKey", $"the key `{key}` comes twice");
                return null;
            }

            if (!Expect(TokenKind.Colon, "`:`") || ReadExpression() is not { } value) return null;
            keys.Add(key);
            values.Add(value);
            if (!Accept(TokenKind.Comma)) break;
        }

        if (!Expect(TokenKind.CloseBrace, "`,` or `}`")) return null;
        return new RecordExpr([.. keys], [.. values]) { Start = start, Length = PreviousEnd - start };
    }
}
