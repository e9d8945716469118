using System.Buffers;
using System.Globalization;
using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>An alternative of a whole pattern.</summary>
/// <param name="Whole">What it is of, without these.</param>
/// <param name="FromStart">Whether it begins with <c>^</c>.</param>
/// <param name="ToEnd">Whether it ends with <c>$</c>.</param>
internal sealed record PatternAlternative(PatternPart.Sequence Whole, bool FromStart, bool ToEnd);

/// <summary>
/// Reads a regular expression (ECMA-262, section 22.2.1). What looks behind or back is not read. Used once, for one
/// expression.
/// </summary>
internal sealed class PatternReader
{
    private const int MostCharacters = 4096;
    private const int MostDepth = 16;
    private const int MostTimes = 10_000;

    private static readonly (int First, int Last)[] Digits = [('0', '9')];
    /// <summary>What words are made of.</summary>
    public static readonly (int First, int Last)[] Words = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

    private static readonly (int First, int Last)[] Spaces =
    [
        ('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
        (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
    ];

    private static readonly (int First, int Last)[] LineEnds = [('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)];

    private readonly string _text;
    private int _at;

    private PatternReader(string text) => _text = text;

    /// <summary>All of it.</summary>
    public PatternPart.Choice Whole { get; private set; } = new([]);

    /// <summary>Its alternatives; null where it asks for a place but at their ends, or looks ahead.</summary>
    public List<PatternAlternative>? Alternatives { get; private set; }

    /// <summary>The pattern where it is one set of characters, repeated, from end to end.</summary>
    public PatternPart.Repeated? Single => Alternatives switch
    {
        [{ FromStart: true, ToEnd: true, Whole.Parts: [PatternPart.Repeated { Part: PatternPart.Set } repeated] }] =>
            repeated,
        [{ FromStart: true, ToEnd: true, Whole.Parts: [PatternPart.Set set] }] => new(set, 1, 1),
        _ => null,
    };

    private char Next => _at < _text.Length ? _text[_at] : '\0';

    /// <summary>Reads one; null when it is none, or no grammar says it.</summary>
    public static PatternReader? Read(string text)
    {
        if (text.Length > MostCharacters) return null;
        var reader = new PatternReader(text);
        try
        {
            reader.Whole = reader.Choice(0);
            reader.Alternatives = [.. reader.Whole.Parts.Cast<PatternPart.Sequence>().Select(Alternative)];
            if (reader.Alternatives.Exists(a => Asks(a.Whole))) reader.Alternatives = null;
            return reader._at == text.Length ? reader : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static PatternAlternative Alternative(PatternPart.Sequence sequence)
    {
        var parts = sequence.Parts;
        var fromStart = parts is [PatternPart.At { Place: PatternPlace.Start }, ..];
        var toEnd = parts is [.., PatternPart.At { Place: PatternPlace.End }];
        return new(new(parts[(fromStart ? 1 : 0)..(parts.Count - (toEnd ? 1 : 0))]), fromStart, toEnd);
    }

    /// <summary>Whether a part asks for a place or looks ahead.</summary>
    public static bool Asks(PatternPart part) => part switch
    {
        PatternPart.Set => false,
        PatternPart.Sequence s => s.Parts.Exists(Asks),
        PatternPart.Choice c => c.Parts.Exists(Asks),
        PatternPart.Repeated r => Asks(r.Part),
        _ => true,
    };

    private PatternPart.Choice Choice(int depth)
    {
        if (depth > MostDepth) throw new FormatException();
        List<PatternPart> parts = [];
        do
        {
            List<PatternPart> sequence = [];
            while (_at < _text.Length && Next is not ('|' or ')')) sequence.Add(Repeats(Atom(depth)));
            parts.Add(new PatternPart.Sequence(sequence));
        }
        while (TryTake('|'));
        return new(parts);
    }

    private PatternPart Repeats(PatternPart part)
    {
        (int Least, int? Most)? times = Next switch
        {
            '*' => (0, null),
            '+' => (1, null),
            '?' => (0, 1),
            '{' => Bounds(),
            _ => null,
        };
        if (times is not { } bounds) return part;
        if (part is PatternPart.At or PatternPart.Ahead) throw new FormatException();
        _at++;
        TryTake('?'); // as few as there may be: the same texts
        if (Next is '*' or '+' or '?' or '{') throw new FormatException();
        return new PatternPart.Repeated(part, bounds.Least, bounds.Most);
    }

    /// <summary>The bounds of a repetition, up to its closing brace.</summary>
    private (int Least, int? Most) Bounds()
    {
        _at++;
        var least = Number();
        int? most = least;
        if (TryTake(',')) most = Next == '}' ? null : Number();
        return Next == '}' && (most is null || most >= least) ? (least, most) : throw new FormatException();
    }

    private int Number()
    {
        var from = _at;
        while (char.IsAsciiDigit(Next)) _at++;
        return int.TryParse(_text.AsSpan(from, _at - from), CultureInfo.InvariantCulture, out var number)
            && number <= MostTimes ? number : throw new FormatException();
    }

    private PatternPart Atom(int depth)
    {
        switch (Next)
        {
            case '(':
                return Group(depth);
            case '[':
                _at++;
                return Class();
            case '.':
                _at++;
                return Not(LineEnds);
            case '\\':
                _at++;
                return TryTake('b') ? new PatternPart.At(PatternPlace.WordBound)
                    : TryTake('B') ? new PatternPart.At(PatternPlace.NoWordBound)
                    : Of(Escape());
            case '^':
                _at++;
                return new PatternPart.At(PatternPlace.Start);
            case '$':
                _at++;
                return new PatternPart.At(PatternPlace.End);
            case '*' or '+' or '?' or '{':
                throw new FormatException();
            default:
                var character = Character();
                return Of([(character, character)]);
        }
    }

    private PatternPart Group(int depth)
    {
        _at++;
        bool? isNotAhead = null;
        if (TryTake('?'))
        {
            if (TryTake('<'))
            {
                if (Next is '=' or '!') throw new FormatException();
                while (_at < _text.Length && !TryTake('>')) _at++;
            }
            else if (TryTake('='))
            {
                isNotAhead = false;
            }
            else if (TryTake('!'))
            {
                isNotAhead = true;
            }
            else if (!TryTake(':'))
            {
                throw new FormatException();
            }
        }

        var choice = Choice(depth + 1);
        if (!TryTake(')')) throw new FormatException();
        return isNotAhead is { } isNot ? new PatternPart.Ahead(choice, isNot) : choice;
    }

    private PatternPart.Set Class()
    {
        var others = TryTake('^');
        List<(int First, int Last)> ranges = [];
        while (!TryTake(']'))
        {
            if (_at == _text.Length) throw new FormatException();
            var first = ClassPart();
            if (Next != '-' || _at + 1 >= _text.Length || _text[_at + 1] == ']')
            {
                ranges.AddRange(first);
                continue;
            }

            _at++;
            var last = ClassPart();
            if (first is not [var (from, end)] || from != end || last is not [var (start, to)] || start != to
                || to < from) throw new FormatException();
            ranges.Add((from, to));
        }

        return others ? Not(ranges) : Of(ranges);
    }

    private (int First, int Last)[] ClassPart()
    {
        if (TryTake('\\')) return TryTake('b') ? [('\b', '\b')] : Escape();
        var character = Character();
        return [(character, character)];
    }

    private (int First, int Last)[] Escape()
    {
        if (_at == _text.Length) throw new FormatException();
        var sign = _text[_at++];
        int? character = sign switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'x' => Hex(2),
            'u' => TryTake('{') ? Braced() : Pair(Hex(4)),
            _ when !char.IsAsciiLetterOrDigit(sign) && sign < 0x80 => sign,
            _ => null,
        };
        if (character is { } one) return [(one, one)];
        return sign switch
        {
            'd' => Digits,
            'w' => Words,
            's' => Spaces,
            'D' => Ranges(Not(Digits)),
            'W' => Ranges(Not(Words)),
            'S' => Ranges(Not(Spaces)),
            _ => throw new FormatException(),
        };
    }

    private int Hex(int digits)
    {
        if (_at + digits > _text.Length) throw new FormatException();
        var value = int.Parse(_text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        _at += digits;
        return value;
    }

    private int Braced()
    {
        var end = _text.IndexOf('}', _at);
        if (end <= _at || end - _at > 6) throw new FormatException();
        var value = Hex(end - _at);
        _at++;
        return value;
    }

    private int Pair(int high)
    {
        if (!char.IsHighSurrogate((char)high) || !_text.AsSpan(_at).StartsWith("\\u")) return high;
        _at += 2;
        var low = Hex(4);
        return char.IsLowSurrogate((char)low)
            ? char.ConvertToUtf32((char)high, (char)low) : throw new FormatException();
    }

    private int Character()
    {
        if (Rune.DecodeFromUtf16(_text.AsSpan(_at), out var rune, out var length) != OperationStatus.Done)
            throw new FormatException();
        _at += length;
        return rune.Value;
    }

    private bool TryTake(char c)
    {
        if (_at >= _text.Length || _text[_at] != c) return false;
        _at++;
        return true;
    }

    private static PatternPart.Set Of(IEnumerable<(int First, int Last)> ranges) =>
        new(NotEmpty(GbnfCharacters.All(ranges)));

    private static PatternPart.Set Not(IEnumerable<(int First, int Last)> ranges) =>
        new(NotEmpty(GbnfCharacters.Others(ranges)));

    private static int[] NotEmpty(int[] ranges) => ranges.Length > 0 ? ranges : throw new FormatException();

    private static (int First, int Last)[] Ranges(PatternPart.Set set) => [.. GbnfCharacters.Pairs(set.Ranges)];
}
