using System.Globalization;
using System.Runtime.CompilerServices;

namespace AgentRuntime.Policies.Cedar;

internal sealed partial class PolicyParser
{
    private const int MaximumUnary = 4;

    // Every method below returns null after it has reported an error.
    private Expr? ReadExpression()
    {
        // The second test is for callers that come with little stack left.
        if (++_depth > Limits.MaximumDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            Report(Current, "limit", $"the expression nests deeper than {Limits.MaximumDepth} levels");
            return null;
        }

        var expr = IsWord("if") ? ReadIf() : ReadLogical(isAnd: false);
        _depth--;
        return expr is null ? null : Bounded(expr);
    }

    private Expr? Bounded(Expr expr)
    {
        if (expr.Depth <= Limits.MaximumDepth) return expr;
        Report(Current, "limit", $"the expression nests deeper than {Limits.MaximumDepth} levels");
        return null;
    }

    private IfExpr? ReadIf()
    {
        var start = Current.Start;
        Advance();
        if (ReadExpression() is not { } condition || !ExpectWord("then")) return null;
        if (ReadExpression() is not { } then || !ExpectWord("else")) return null;
        if (ReadExpression() is not { } @else) return null;
        return new IfExpr(condition, then, @else) { Start = start, Length = PreviousEnd - start };
    }

    private bool ExpectWord(string word)
    {
        if (!IsWord(word))
        {
            Unexpected($"`{word}`");
            return false;
        }

        Advance();
        return true;
    }

    private Expr? ReadLogical(bool isAnd)
    {
        var start = Current.Start;
        var first = isAnd ? ReadRelation() : ReadLogical(isAnd: true);
        if (first is null) return null;
        var kind = isAnd ? TokenKind.And : TokenKind.Or;
        if (Current.Kind != kind) return first;
        var operands = new List<Expr> { first };
        while (Accept(kind))
        {
            if ((isAnd ? ReadRelation() : ReadLogical(isAnd: true)) is not { } next) return null;
            operands.Add(next);
        }

        return new LogicalExpr(isAnd, [.. operands]) { Start = start, Length = PreviousEnd - start };
    }

    private Expr? ReadRelation()
    {
        var start = Current.Start;
        if (ReadSum() is not { } left) return null;
        var @operator = Current.Kind switch
        {
            TokenKind.Equal => BinaryOperator.Equal,
            TokenKind.NotEqual => BinaryOperator.NotEqual,
            TokenKind.Less => BinaryOperator.Less,
            TokenKind.LessEqual => BinaryOperator.LessEqual,
            TokenKind.Greater => BinaryOperator.Greater,
            TokenKind.GreaterEqual => BinaryOperator.GreaterEqual,
            TokenKind.Identifier when IsWord("in") => BinaryOperator.In,
            _ => BinaryOperator.None,
        };
        Expr? result;
        if (@operator != BinaryOperator.None)
        {
            Advance();
            if (ReadSum() is not { } right) return null;
            result = new BinaryExpr(@operator, left, right) { Start = start, Length = PreviousEnd - start };
        }
        else if (Current.Kind == TokenKind.Assign)
        {
            Report(Current, "syntax", "`=` is not an operator", suggestion: "write `==`");
            return null;
        }
        else if (IsWord("has"))
        {
            result = ReadHas(start, left);
        }
        else if (IsWord("like"))
        {
            result = ReadLike(start, left);
        }
        else if (IsWord("is"))
        {
            result = ReadIs(start, left);
        }
        else
        {
            return left;
        }

        if (result is not null && IsRelation(Current))
        {
            Report(Current, "syntax", "relations do not chain", suggestion: "use parentheses");
            return null;
        }

        return result;
    }

    private bool IsRelation(Token token) =>
        token.Kind is TokenKind.Equal or TokenKind.NotEqual or TokenKind.Less or TokenKind.LessEqual
            or TokenKind.Greater or TokenKind.GreaterEqual or TokenKind.Assign
        || IsWord("in") || IsWord("has") || IsWord("like") || IsWord("is");

    private HasExpr? ReadHas(int start, Expr target)
    {
        Advance();
        var path = new List<string>();
        if (Current.Kind == TokenKind.String)
        {
            if (ReadString() is not { } key) return null;
            path.Add(key);
        }
        else
        {
            do
            {
                var name = Current;
                if (!Expect(TokenKind.Identifier, "the name of an attribute")) return null;
                if (!IsUsableIdentifier(name)) return null;
                path.Add(Text(name));
            }
            while (Accept(TokenKind.Dot));
        }

        return new HasExpr(target, [.. path]) { Start = start, Length = PreviousEnd - start };
    }

    private LikeExpr? ReadLike(int start, Expr target)
    {
        Advance();
        var token = Current;
        if (!Expect(TokenKind.String, "a pattern in quotes")) return null;
        var body = StringBody(token);
        if (!StringEscapes.TryPattern(body, out var pieces, out var at))
        {
            Report(new(TokenKind.String, token.Start + 1 + at, 2), "escape", "the pattern has an invalid escape");
            return null;
        }

        return new LikeExpr(target, new(pieces)) { Start = start, Length = PreviousEnd - start };
    }

    private IsExpr? ReadIs(int start, Expr target)
    {
        Advance();
        if (ReadName() is not { } type) return null;
        Expr? ancestor = null;
        if (IsWord("in"))
        {
            Advance();
            ancestor = ReadSum();
            if (ancestor is null) return null;
        }

        return new IsExpr(target, type, ancestor) { Start = start, Length = PreviousEnd - start };
    }

    private Expr? ReadSum()
    {
        var start = Current.Start;
        if (ReadProduct() is not { } left) return null;
        while (Current.Kind is TokenKind.Plus or TokenKind.Minus)
        {
            var @operator = Current.Kind == TokenKind.Plus ? BinaryOperator.Add : BinaryOperator.Subtract;
            Advance();
            if (ReadProduct() is not { } right) return null;
            if (Bounded(new BinaryExpr(@operator, left, right) { Start = start, Length = PreviousEnd - start })
                is not { } sum) return null;
            left = sum;
        }

        return left;
    }

    private Expr? ReadProduct()
    {
        var start = Current.Start;
        if (ReadUnary() is not { } left) return null;
        while (Current.Kind is TokenKind.Star or TokenKind.Slash or TokenKind.Percent)
        {
            if (Current.Kind != TokenKind.Star)
            {
                Report(Current, "syntax", "Cedar has no division and no remainder");
                return null;
            }

            Advance();
            if (ReadUnary() is not { } right) return null;
            var product = new BinaryExpr(BinaryOperator.Multiply, left, right)
            {
                Start = start, Length = PreviousEnd - start,
            };
            if (Bounded(product) is not { } bounded) return null;
            left = bounded;
        }

        return left;
    }

    private Expr? ReadUnary()
    {
        var start = Current.Start;
        var sign = Current.Kind;
        if (sign is not (TokenKind.Not or TokenKind.Minus)) return ReadMember();
        var count = 0;
        while (Current.Kind == sign)
        {
            if (++count > MaximumUnary)
            {
                Report(Current, "syntax", $"more than {MaximumUnary} of `{Span(Current)}` in a row");
                return null;
            }

            Advance();
        }

        Expr? operand;
        if (sign == TokenKind.Minus && Current.Kind == TokenKind.Number && ReadNumber(negative: true, out operand))
        {
            count--;
        }
        else
        {
            operand = ReadMember();
        }

        if (operand is null) return null;
        var @operator = sign == TokenKind.Not ? UnaryOperator.Not : UnaryOperator.Negate;
        for (; count > 0; count--)
            operand = new UnaryExpr(@operator, operand) { Start = start, Length = PreviousEnd - start };
        return operand;
    }

    // A literal with its minus is one number, so that the smallest long can be written; `-1.offset(…)` is not one.
    private bool ReadNumber(bool negative, out Expr? literal)
    {
        literal = null;
        var token = Current;
        if (negative)
        {
            if (NextKind is TokenKind.Dot or TokenKind.OpenBracket or TokenKind.OpenParen) return false;
        }

        Advance();
        var digits = Span(token).TrimStart('0');
        var parsed =
            UInt128.TryParse(
            digits.IsEmpty ? "0" : digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        var most = negative ? (UInt128)long.MaxValue + 1 : (UInt128)long.MaxValue;
        if (!parsed || number > most)
        {
            Report(token, "integer", $"`{Span(token)}` does not fit in 64 bits");
            return true;
        }

        var value = negative ? unchecked(-(long)(ulong)number) : (long)number;
        literal = new LiteralExpr(CedarValue.Long(value)) { Start = token.Start, Length = token.Length };
        return true;
    }
}
