namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Reads a grammar in llama.cpp's notation (llama.cpp: grammars/README.md), but for tokens by number or name, which
/// differ between models. In a grammar that is made here, <c>@</c> says that the item or name which ends there differs
/// from all before it in its array or object. Used once, for one grammar.
/// </summary>
internal sealed class GbnfReader
{
    /// <summary>The most that a grammar has.</summary>
    public const int MostCharacters = 1 << 20;

    private const int MostDepth = 64;

    /// <summary>The most that an element is repeated by a number.</summary>
    public const int MostTimes = 1 << 20;

    private readonly string _text;
    private readonly bool _isOwn;
    private readonly Dictionary<string, GbnfSymbol> _rules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GbnfSymbol>.AlternateLookup<ReadOnlySpan<char>> _named;
    private readonly List<GbnfSymbol> _symbols = [];
    private int _at;
    private bool _tellsItems;

    private GbnfReader(string text, bool isOwn)
    {
        (_text, _isOwn) = (text, isOwn);
        _named = _rules.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    private char Next => _at < _text.Length ? _text[_at] : '\0';

    /// <summary>The start of a grammar, its rule <c>root</c>.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <param name="isOwn">Whether it is made here, and not a client's.</param>
    /// <param name="needed">Rules of which there must be texts, where it is made here, besides <c>root</c>.</param>
    /// <exception cref="FormatException">
    /// It does not parse, or has a rule that begins with itself, or none of its texts ends where it is made here.
    /// </exception>
    public static GbnfSymbol Read(string grammar, bool isOwn = false, IEnumerable<string>? needed = null)
    {
        if (grammar.Length > MostCharacters) throw new FormatException($"it has more than {MostCharacters} characters");
        var reader = new GbnfReader(grammar, isOwn);
        reader.Rules();
        if (!reader._rules.TryGetValue("root", out var root)) throw new FormatException("it has no rule root");
        if (isOwn && !(needed ?? []).Append("root").All(name => reader._rules[name].Alternatives.Count > 0))
            throw new FormatException("it has parts within themselves without end");
        root.TellsItems = reader._tellsItems;
        return root;
    }

    private void Rules()
    {
        Space(newLines: true);
        while (_at < _text.Length) Rule();
        // Of a schema within itself that nothing satisfies, only the name is there.
        if (_isOwn) GbnfEndings.Keep(_symbols);
        else if (_symbols.Exists(s => !s.IsDefined)) throw new FormatException("it refers to a rule that it has not");
        GbnfBeginnings.FindEmpty(_symbols);
        GbnfBeginnings.Check(_symbols);
    }

    private void Rule()
    {
        var name = Name();
        Space(newLines: false);
        if (!_text.AsSpan(_at).StartsWith("::=")) throw Unexpected();
        _at += 3;
        Space(newLines: true);
        var rule = Named(name);
        rule.Alternatives.Clear();
        Alternatives(rule, 0);
        if (_at < _text.Length && Next is not ('\r' or '\n')) throw Unexpected();
        Space(newLines: true);
    }

    private void Alternatives(GbnfSymbol rule, int depth)
    {
        if (depth > MostDepth) throw new FormatException($"it nests more than {MostDepth} levels");
        rule.IsDefined = true;
        rule.Alternatives.Add(Sequence(depth));
        while (Next == '|')
        {
            _at++;
            Space(newLines: true);
            rule.Alternatives.Add(Sequence(depth));
        }
    }

    private List<GbnfElement> Sequence(int depth)
    {
        List<GbnfElement> elements = [];
        while (true)
        {
            var element = Next switch
            {
                '"' => Literal(),
                '[' => Class(),
                '(' => new GbnfElement { Rule = Group(depth) },
                '.' => Any(),
                '@' when _isOwn => Differing(),
                '<' or '!' => throw new FormatException("it names tokens, which differ between models"),
                var c when IsWord(c) => new GbnfElement { Rule = Named(Name()) },
                _ => null,
            };
            if (element is not null) elements.Add(element);
            else if (Next is '*' or '+' or '?' or '{') Repeat(elements);
            else return elements;
            Space(newLines: depth > 0);
        }
    }

    private void Repeat(List<GbnfElement> elements)
    {
        if (elements.Count == 0 || elements[^1].IsNothing) throw Unexpected();
        var (least, most) = _text[_at++] switch
        {
            '*' => (0, null),
            '+' => (1, null),
            '?' => (0, 1),
            _ => Bounds(),
        };
        if (most < least) throw new FormatException($"it repeats {least} to {most} times, which nothing satisfies");
        if (elements[^1] is not { Least: 1, Most: 1 })
        {
            var repeated = New();
            repeated.IsDefined = true;
            repeated.Alternatives.Add([elements[^1]]);
            elements[^1] = new() { Rule = repeated };
        }

        (elements[^1].Least, elements[^1].Most) = (least, most);
    }

    private (int Least, int? Most) Bounds()
    {
        Space(newLines: true);
        var least = Number();
        int? most = least;
        Space(newLines: true);
        if (Next == ',')
        {
            _at++;
            Space(newLines: true);
            most = char.IsAsciiDigit(Next) ? Number() : null;
            Space(newLines: true);
        }

        if (Next != '}') throw Unexpected();
        _at++;
        return (least, most);
    }

    private int Number()
    {
        var from = _at;
        while (char.IsAsciiDigit(Next)) _at++;
        return int.TryParse(_text.AsSpan(from, _at - from), out var number) && number <= MostTimes
            ? number
            : throw new FormatException("it repeats by no number that fits");
    }

    private GbnfSymbol Group(int depth)
    {
        _at++;
        Space(newLines: true);
        var group = New();
        Alternatives(group, depth + 1);
        if (Next != ')') throw Unexpected();
        _at++;
        return group;
    }

    private GbnfElement Any()
    {
        _at++;
        return new() { Characters = GbnfCharacters.Any };
    }

    private GbnfElement Differing()
    {
        _at++;
        _tellsItems = true;
        return new() { Characters = GbnfCharacters.Differing };
    }

    private GbnfElement Literal() => new() { Characters = GbnfCharacters.Literal(Text('"')) };

    private GbnfElement Class()
    {
        var others = _at + 1 < _text.Length && _text[_at + 1] == '^';
        if (others) _at++;
        return new() { Characters = GbnfCharacters.Class(Text(']'), others) };
    }

    /// <summary>Passes over characters up to one that ends them, and returns them as they are written.</summary>
    private string Text(char end)
    {
        var from = ++_at;
        while (Next != end)
        {
            if (_at >= _text.Length) throw Unexpected();
            if (_text[_at++] != '\\') continue;
            var digits = Next switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits == 0 && !"trn\\\"[]-".Contains(Next, StringComparison.Ordinal)) throw Unexpected();
            _at++;
            for (; digits > 0; digits--, _at++)
                if (!char.IsAsciiHexDigit(Next))
                    throw Unexpected();
        }

        return _text[from.._at++];
    }

    private ReadOnlySpan<char> Name()
    {
        var from = _at;
        while (IsWord(Next)) _at++;
        return _at > from ? _text.AsSpan(from, _at - from) : throw Unexpected();
    }

    private void Space(bool newLines)
    {
        while (Next is ' ' or '\t' or '#' || (newLines && Next is '\r' or '\n'))
        {
            if (Next == '#')
                while (_at < _text.Length && Next is not ('\r' or '\n')) _at++;
            else _at++;
        }
    }

    private GbnfSymbol Named(ReadOnlySpan<char> name)
    {
        if (!_named.TryGetValue(name, out var rule)) _named[name] = rule = New();
        return rule;
    }

    private GbnfSymbol New()
    {
        var symbol = new GbnfSymbol(_symbols.Count);
        _symbols.Add(symbol);
        return symbol;
    }

    private FormatException Unexpected() => new($"it does not parse at character {_at}");

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c == '-';
}
