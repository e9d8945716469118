using System.Globalization;

namespace AgentRuntime.Prompts.Jinja;

/// <summary>
/// Reads expressions, with the precedence of Jinja2's parser (pallets/jinja: src/jinja2/parser.py). One template's.
/// </summary>
internal sealed class ExpressionParser(TokenReader tokens)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    public Expression Expression(bool withConditional = true)
    {
        tokens.Enter();
        var result = withConditional ? Conditional() : Or();
        tokens.Leave();
        return result;
    }

    /// <summary>An expression, or several with commas between them, which make a tuple.</summary>
    public Expression Tuple(bool withConditional = true)
    {
        var first = Expression(withConditional);
        if (!tokens.Current.IsOperator(","))
            return first;
        List<Expression> items = [first];
        while (tokens.Skip(",") && !EndsTuple())
            items.Add(Expression(withConditional));
        return new ListLiteral(items, isTuple: true);
    }

    /// <summary>Filters and tests behind an expression.</summary>
    public Expression Filtered(Expression target, bool testsToo = true)
    {
        while (true)
        {
            if (tokens.Skip("|"))
                target = Filter(target);
            else if (testsToo && tokens.SkipName("is"))
                target = Test(target);
            else if (testsToo && tokens.Current.IsOperator("("))
                target = new CallExpression(target, Arguments());
            else
                return target;
        }
    }

    public Expression Filter(Expression target)
    {
        var name = tokens.Name();
        while (tokens.Skip("."))
            name += "." + tokens.Name();
        return new FilterExpression(
            target, name, tokens.Current.IsOperator("(") ? Arguments() : ArgumentList.Empty);
    }

    private bool EndsTuple() => tokens.Current.Kind is TokenKind.BlockEnd or TokenKind.PrintEnd
        || tokens.Current.IsOperator(")") || tokens.Current.IsOperator("=") || tokens.Current.IsName("in");

    private Expression Conditional()
    {
        var result = Or();
        while (tokens.SkipName("if"))
        {
            var condition = Or();
            result = new Conditional(condition, result, tokens.SkipName("else") ? Expression() : null);
        }

        return result;
    }

    private Expression Or()
    {
        var left = And();
        while (tokens.SkipName("or"))
            left = new LogicalExpression(isAnd: false, left, And());
        return left;
    }

    private Expression And()
    {
        var left = Not();
        while (tokens.SkipName("and"))
            left = new LogicalExpression(isAnd: true, left, Not());
        return left;
    }

    private Expression Not()
    {
        if (!tokens.SkipName("not"))
            return Compared();
        tokens.Enter();
        var operand = Not();
        tokens.Leave();
        return new UnaryExpression("not", operand);
    }

    private Expression Compared()
    {
        var first = Sum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            if (tokens.Current.Kind == TokenKind.Operator && Comparisons.Contains(tokens.Current.Text))
                rest.Add((tokens.Take().Text, Sum()));
            else if (tokens.SkipName("in"))
                rest.Add(("in", Sum()));
            else if (tokens.Current.IsName("not") && tokens.Next.IsName("in"))
            {
                tokens.Take();
                tokens.Take();
                rest.Add(("not in", Sum()));
            }
            else
                return rest.Count == 0 ? first : new Comparison(first, rest);
        }
    }

    private Expression Sum() => Binary(["+", "-"], () => Binary(["~"], Product));

    private Expression Product() => Binary(["*", "/", "//", "%"], () => Binary(["**"], () => Unary(filtered: true)));

    private Expression Binary(string[] operators, Func<Expression> operand)
    {
        var left = operand();
        while (tokens.Current.Kind == TokenKind.Operator && operators.Contains(tokens.Current.Text))
            left = new BinaryExpression(tokens.Take().Text, left, operand());
        return left;
    }

    private Expression Unary(bool filtered)
    {
        Expression result;
        if (tokens.Current.IsOperator("-") || tokens.Current.IsOperator("+"))
        {
            var sign = tokens.Take().Text;
            tokens.Enter();
            result = new UnaryExpression(sign, Unary(filtered: false));
            tokens.Leave();
        }
        else
        {
            result = Primary();
        }

        result = Postfixed(result);
        return filtered ? Filtered(result) : result;
    }

    private Expression Postfixed(Expression target)
    {
        while (true)
        {
            if (tokens.Skip("."))
                target = tokens.Current.Kind == TokenKind.Integer
                    ? new ItemAccess(target, Number(tokens.Take()))
                    : new MemberAccess(target, tokens.Name());
            else if (tokens.Skip("["))
                target = Subscript(target);
            else if (tokens.Current.IsOperator("("))
                target = new CallExpression(target, Arguments());
            else
                return target;
        }
    }

    private Expression Subscript(Expression target)
    {
        var start = tokens.Current.IsOperator(":") ? null : Expression();
        if (tokens.Skip("]"))
            return new ItemAccess(target, start!);
        tokens.Expect(":");
        var stop = tokens.Current.IsOperator(":") || tokens.Current.IsOperator("]") ? null : Expression();
        var step = tokens.Skip(":") && !tokens.Current.IsOperator("]") ? Expression() : null;
        tokens.Expect("]");
        return new SliceAccess(target, start, stop, step);
    }

    private Expression Primary()
    {
        var token = tokens.Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                tokens.Take();
                return token.Text switch
                {
                    "true" or "True" => new Constant(true),
                    "false" or "False" => new Constant(false),
                    "none" or "None" => new Constant(null),
                    _ => new NameReference(token.Text),
                };
            case TokenKind.Text:
                var text = "";
                while (tokens.Current.Kind == TokenKind.Text)
                    text += tokens.Take().Text;
                return new Constant(text);
            case TokenKind.Integer or TokenKind.Real:
                return Number(tokens.Take());
            case TokenKind.Operator when tokens.Skip("("):
                if (tokens.Skip(")"))
                    return new ListLiteral([], isTuple: true);
                var inner = Tuple();
                tokens.Expect(")");
                return inner;
            case TokenKind.Operator when tokens.Skip("["):
                return new ListLiteral(List("]"), isTuple: false);
            case TokenKind.Operator when tokens.Skip("{"):
                return Map();
            default:
                throw tokens.Wrong("an expression is expected");
        }
    }

    private List<Expression> List(string end)
    {
        List<Expression> items = [];
        while (!tokens.Skip(end))
        {
            items.Add(Expression());
            if (!tokens.Current.IsOperator(end))
                tokens.Expect(",");
        }

        return items;
    }

    private MapLiteral Map()
    {
        List<(Expression, Expression)> entries = [];
        while (!tokens.Skip("}"))
        {
            var key = Expression();
            tokens.Expect(":");
            entries.Add((key, Expression()));
            if (!tokens.Current.IsOperator("}"))
                tokens.Expect(",");
        }

        return new(entries);
    }

    private ArgumentList Arguments()
    {
        tokens.Expect("(");
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        while (!tokens.Skip(")"))
        {
            if (tokens.Current.Kind == TokenKind.Name && tokens.Next.IsOperator("="))
            {
                var name = tokens.Name();
                tokens.Expect("=");
                if (named.Exists(n => n.Item1 == name))
                    throw tokens.Wrong("an argument is given twice");
                named.Add((name, Expression()));
            }
            else
            {
                positional.Add(Expression());
            }

            if (!tokens.Current.IsOperator(")"))
                tokens.Expect(",");
        }

        return new(positional, named);
    }

    private Expression Test(Expression target)
    {
        var negated = tokens.SkipName("not");
        var name = tokens.Name();
        var arguments = ArgumentList.Empty;
        if (tokens.Current.IsOperator("("))
            arguments = Arguments();
        else if (tokens.Current.Kind is TokenKind.Name or TokenKind.Text or TokenKind.Integer or TokenKind.Real
            && !(tokens.Current.IsName("else") || tokens.Current.IsName("or") || tokens.Current.IsName("and")
                || tokens.Current.IsName("if") || tokens.Current.IsName("is"))
            || tokens.Current.IsOperator("[") || tokens.Current.IsOperator("{"))
            arguments = new([Postfixed(Primary())], []);
        Expression test = new TestExpression(target, name, arguments);
        return negated ? new UnaryExpression("not", test) : test;
    }

    private Constant Number(TemplateToken token) => token.Kind == TokenKind.Integer
        ? long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole)
            ? new(whole)
            : throw tokens.Wrong("a number is too large")
        : new(double.Parse(token.Text, CultureInfo.InvariantCulture));
}
