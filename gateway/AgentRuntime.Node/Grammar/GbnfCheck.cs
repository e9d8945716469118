namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Whether llama.cpp may be given a grammar (llama.cpp: grammars/README.md). Its reader recurses with the nesting,
/// counts repetitions without a sign, and goes every way to what a rule may begin with, without an end where a rule
/// that may be empty comes before the rule itself: each of these would take the process along. How many ways there are
/// is bounded by <see cref="GbnfWays"/>. Used once, for one grammar.
/// </summary>
internal sealed class GbnfCheck
{
    /// <summary>The most that a grammar has.</summary>
    public const int MostCharacters = 1 << 20;

    private const int MostDepth = 64;

    /// <summary>Elements that repetitions are written out into.</summary>
    private const long MostCopies = 1 << 20;

    private readonly string _text;
    private readonly Dictionary<string, GbnfSymbol> _rules = new(StringComparer.Ordinal);
    private readonly List<GbnfSymbol> _symbols = [];
    private long _copies;
    private int _at;

    private GbnfCheck(string text) => _text = text;

    private char Next => _at < _text.Length ? _text[_at] : '\0';

    /// <summary>Why a grammar is not given to llama.cpp; null where nothing speaks against it.</summary>
    public static string? Of(string grammar)
    {
        try
        {
            Read(grammar);
            return null;
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }

    /// <summary>The start of a grammar that llama.cpp may be given.</summary>
    /// <exception cref="FormatException">It may not be.</exception>
    public static GbnfSymbol Read(string grammar)
    {
        if (grammar.Length > MostCharacters) throw new FormatException($"it has more than {MostCharacters} characters");
        if (grammar.Contains('\0', StringComparison.Ordinal)) throw new FormatException("it has a NUL character");
        var check = new GbnfCheck(grammar);
        check.Check();
        return check._rules.TryGetValue("root", out var root)
            ? root
            : throw new FormatException("it has no rule root");
    }

    private void Check()
    {
        Space(newLines: true);
        while (_at < _text.Length) Rule();
        if (_symbols.Exists(s => !s.IsDefined)) throw new FormatException("it refers to a rule that it has not");
        while (FindEmpty())
        {
        }

        GbnfWays.Check(_symbols);
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
        GbnfElement? last = null;
        while (true)
        {
            var element = Next switch
            {
                '"' => Literal(),
                '[' => Class(),
                '(' => new GbnfElement(Group(depth), 1),
                '.' => Any(),
                '<' or '!' => throw new FormatException("it names tokens, which differ between models"),
                var c when IsWord(c) => new GbnfElement(Named(Name()), 1),
                _ => null,
            };
            if (element is not null)
            {
                elements.Add(element);
                last = element.Length > 0 ? element : null;
            }
            else if (Next is '*' or '+' or '?' or '{')
            {
                Repeat(last ?? throw Unexpected());
            }
            else
            {
                return elements;
            }

            Space(newLines: depth > 0);
        }
    }

    private void Repeat(GbnfElement element)
    {
        var (least, most) = _text[_at++] switch
        {
            '*' => (0, null),
            '+' => (1, null),
            '?' => (0, 1),
            _ => Bounds(),
        };
        if (most < least) throw new FormatException($"it repeats {least} to {most} times, which nothing satisfies");
        element.Repeat(least, most);
        _copies += element.Length * element.Times;
        if (_copies > MostCopies) throw new FormatException("it repeats too much");
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
        return int.TryParse(_text.AsSpan(from, _at - from), out var number) && number <= MostCopies
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
        return new(null, 1) { Characters = new GbnfCharacters(GbnfCharacterKind.NoneOf, "") };
    }

    private GbnfElement Literal()
    {
        var from = _at + 1;
        return new(null, Text('"'))
        {
            Characters = new GbnfCharacters(GbnfCharacterKind.Sequence, _text[from..(_at - 1)]),
        };
    }

    private GbnfElement Class()
    {
        var kind = GbnfCharacterKind.OneOf;
        if (_at + 1 < _text.Length && _text[_at + 1] == '^')
        {
            _at++;
            kind = GbnfCharacterKind.NoneOf;
        }

        var from = _at + 1;
        return new(null, Text(']')) { Characters = new GbnfCharacters(kind, _text[from..(_at - 1)]) };
    }

    /// <summary>Passes over characters up to one that ends them; returns how many there are.</summary>
    private int Text(char end)
    {
        var length = 0;
        for (_at++; Next != end; length++)
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

        _at++;
        return length;
    }

    private string Name()
    {
        var from = _at;
        while (IsWord(Next)) _at++;
        return _at > from ? _text[from.._at] : throw Unexpected();
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

    private GbnfSymbol Named(string name)
    {
        if (!_rules.TryGetValue(name, out var rule)) _rules.Add(name, rule = New());
        return rule;
    }

    private GbnfSymbol New()
    {
        var symbol = new GbnfSymbol();
        _symbols.Add(symbol);
        return symbol;
    }

    private bool FindEmpty()
    {
        var found = false;
        foreach (var symbol in _symbols)
        {
            if (symbol.MayBeEmpty || !symbol.Alternatives.Exists(a => a.TrueForAll(e => e.MayBeEmpty))) continue;
            found = symbol.MayBeEmpty = true;
        }

        return found;
    }

    private FormatException Unexpected() => new($"it does not parse at character {_at}");

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c == '-';
}
