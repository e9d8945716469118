namespace AgentRuntime.Prompts.Jinja;

/// <summary>
/// Reads a template's statements (pallets/jinja: src/jinja2/parser.py). What reaches outside a template (include,
/// import, extends, block) is refused. One template's; not thread-safe.
/// </summary>
internal sealed class TemplateParser
{
    private readonly TokenReader _tokens;
    private readonly ExpressionParser _expressions;

    public TemplateParser(string source, JinjaLimits limits)
    {
        _tokens = new(TemplateLexer.Read(source), limits.Nesting);
        _expressions = new(_tokens);
    }

    /// <exception cref="JinjaException">The template cannot be read.</exception>
    public Statement Template()
    {
        var (body, end) = Body();
        return end is null ? body : throw _tokens.Wrong($"'{end}' ends nothing");
    }

    /// <summary>Statements up to a tag that ends them, which is named and stands behind its name.</summary>
    private (Statement Body, string? End) Body(params string[] ends)
    {
        _tokens.Enter();
        List<Statement> statements = [];
        string? end = null;
        while (_tokens.Current.Kind != TokenKind.End)
        {
            var token = _tokens.Take();
            if (token.Kind == TokenKind.Data)
            {
                statements.Add(new DataStatement(token.Text));
            }
            else if (token.Kind == TokenKind.PrintBegin)
            {
                statements.Add(new PrintStatement(_expressions.Tuple()));
                _tokens.Expect(TokenKind.PrintEnd);
            }
            else
            {
                var name = _tokens.Name();
                if (ends.Contains(name))
                {
                    end = name;
                    break;
                }

                statements.Add(Tag(name));
            }
        }

        _tokens.Leave();
        return end is null && ends.Length > 0
            ? throw _tokens.Wrong($"'{ends[^1]}' is missing")
            : (new Block(statements), end);
    }

    private Statement Tag(string name)
    {
        switch (name)
        {
            case "if":
                return If();
            case "for":
                return For();
            case "set":
                return Set();
            case "macro":
                return Macro();
            case "filter":
                var filter = Chain();
                return new CaptureStatement(null, filter, Rest("endfilter"));
            case "generation":
                return Rest("endgeneration");
            case "break" or "continue":
                _tokens.Expect(TokenKind.BlockEnd);
                return new FlowStatement(name == "break" ? Flow.Break : Flow.Continue);
            default:
                throw _tokens.Wrong($"the tag '{name}' is not known");
        }
    }

    /// <summary>The rest of a tag, what follows it, and the tag that ends it.</summary>
    private Statement Rest(string end)
    {
        _tokens.Expect(TokenKind.BlockEnd);
        var (body, _) = Body(end);
        _tokens.Expect(TokenKind.BlockEnd);
        return body;
    }

    private IfStatement If()
    {
        List<(Expression, Statement)> branches = [];
        while (true)
        {
            var condition = _expressions.Tuple(withConditional: false);
            _tokens.Expect(TokenKind.BlockEnd);
            var (body, end) = Body("elif", "else", "endif");
            branches.Add((condition, body));
            if (end == "elif")
                continue;
            var otherwise = end == "else" ? Rest("endif") : null;
            if (otherwise is null)
                _tokens.Expect(TokenKind.BlockEnd);
            return new(branches, otherwise);
        }
    }

    private ForStatement For()
    {
        var target = Target(withMembers: false);
        if (!_tokens.SkipName("in"))
            throw _tokens.Wrong("'in' is expected");
        var items = _expressions.Tuple(withConditional: false);
        var condition = _tokens.SkipName("if") ? _expressions.Expression() : null;
        if (_tokens.Current.IsName("recursive"))
            throw _tokens.Wrong("a recursive loop is not known");
        _tokens.Expect(TokenKind.BlockEnd);
        var (body, end) = Body("else", "endfor");
        var otherwise = end == "else" ? Rest("endfor") : null;
        if (otherwise is null)
            _tokens.Expect(TokenKind.BlockEnd);
        return new(target, items, condition, body, otherwise);
    }

    private Statement Set()
    {
        var target = Target(withMembers: true);
        if (_tokens.Skip("="))
        {
            var value = _expressions.Tuple();
            _tokens.Expect(TokenKind.BlockEnd);
            return new SetStatement(target, value);
        }

        var filter = _tokens.Skip("|") ? Chain() : e => e;
        return new CaptureStatement(target, filter, Rest("endset"));
    }

    private MacroStatement Macro()
    {
        var name = _tokens.Name();
        List<(string, Expression?)> parameters = [];
        _tokens.Expect("(");
        while (!_tokens.Skip(")"))
        {
            parameters.Add((_tokens.Name(), _tokens.Skip("=") ? _expressions.Expression() : null));
            if (!_tokens.Current.IsOperator(")"))
                _tokens.Expect(",");
        }

        return new(name, parameters, Rest("endmacro"));
    }

    /// <summary>Filters one after the other, to be put behind what a block writes.</summary>
    private Func<Expression, Expression> Chain()
    {
        var chain = _expressions.Filtered(_expressions.Filter(new CapturedText()), testsToo: false);
        return captured => new WithCaptured(captured, chain);
    }

    private AssignmentTarget Target(bool withMembers)
    {
        List<AssignmentTarget> targets = [One(withMembers)];
        var isTuple = false;
        while (_tokens.Skip(","))
        {
            isTuple = true;
            if (_tokens.Current.Kind is TokenKind.Name or TokenKind.Operator && !_tokens.Current.IsName("in")
                && !_tokens.Current.IsOperator("="))
                targets.Add(One(withMembers));
        }

        return isTuple ? new TupleTarget(targets) : targets[0];
    }

    private AssignmentTarget One(bool withMembers)
    {
        if (_tokens.Skip("("))
        {
            _tokens.Enter();
            var inner = Target(withMembers);
            _tokens.Leave();
            _tokens.Expect(")");
            return inner;
        }

        var name = _tokens.Name();
        return withMembers && _tokens.Skip(".") ? new MemberTarget(name, _tokens.Name()) : new NameTarget(name);
    }
}
