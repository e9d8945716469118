using System.Buffers;
using System.Globalization;
using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>An alternative of a whole pattern.</summary>
/// <param name="Whole">What it is of.</param>
/// <param name="FromStart">Whether it begins with <c>^</c>.</param>
/// <param name="ToEnd">Whether it ends with <c>$</c>.</param>
internal sealed record PatternAlternative(PatternPart Whole, bool FromStart, bool ToEnd);

/// <summary>
/// Reads a regular expression (ECMA-262, section 22.2.1). What looks around, back or at words' bounds is not read. Used
/// once, for one expression.
/// </summary>
internal sealed class PatternReader
{
    private const int MostCharacters = 4096;
    private const int MostDepth = 16;
    private const int MostTimes = 10_000;

    private static readonly (int First, int Last)[] Digits = [('0', '9')];
    private static readonly (int First, int Last)[] Words = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

    private static readonly (int First, int Last)[] Spaces =
    [
        ('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
        (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
    ];

    private static readonly (int First, int Last)[] LineEnds = [('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)];

    private readonly string _text;
    private int _at;

    private PatternReader(string text) => _text = text;

    /// <summary>A pattern's alternatives.</summary>
    public List<PatternAlternative> Alternatives { get; } = [];

    /// <summary>The pattern where it is one set of characters, repeated, from end to end.</summary>
    public PatternPart.Repeated? Single => Alternatives is [{ FromStart: true, ToEnd: true } only] ? only.Whole switch
    {
        PatternPart.Sequence { Parts: [PatternPart.Repeated { Part: PatternPart.Set } repeated] } => repeated,
        PatternPart.Sequence { Parts: [PatternPart.Set set] } => new(set, 1, 1),
        _ => null,
    } : null;

    private char Next => _at < _text.Length ? _text[_at] : '\0';

    /// <summary>Reads one; null when it is none, or no grammar says it.</summary>
    public static PatternReader? Read(string text)
    {
        if (text.Length > MostCharacters) return null;
        var reader = new PatternReader(text);
        try
        {
            do
            {
                var fromStart = reader.TryTake('^');
                var whole = reader.Sequence(0);
                reader.Alternatives.Add(new(whole, fromStart, reader.TryTake('$')));
            }
            while (reader.TryTake('|'));
            return reader._at == text.Length ? reader : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private PatternPart.Sequence Sequence(int depth)
    {
        if (depth > MostDepth) throw new FormatException();
        List<PatternPart> parts = [];
        while (_at < _text.Length && Next is not ('|' or ')' or '$')) parts.Add(Repeats(Atom(depth)));
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
                return Of(Escape());
            case '^' or '*' or '+' or '?' or '{':
                throw new FormatException();
            default:
                var character = Character();
                return Of([(character, character)]);
        }
    }

    private PatternPart.Choice Group(int depth)
    {
        _at++;
        if (TryTake('?'))
        {
            if (TryTake('<'))
            {
                if (Next is '=' or '!') throw new FormatException();
                while (_at < _text.Length && !TryTake('>')) _at++;
            }
            else if (!TryTake(':'))
            {
                throw new FormatException();
            }
        }

        List<PatternPart> parts = [];
        do parts.Add(Sequence(depth + 1));
        while (TryTake('|'));
        return TryTake(')') ? new PatternPart.Choice(parts) : throw new FormatException();
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
