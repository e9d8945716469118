namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A regular expression of <c>patternProperties</c> (ECMA-262), if it is a plain one: characters, <c>.</c> and classes
/// in a row, each once or with <c>*</c>, <c>+</c> or <c>?</c>, anchored or not. Only such a one is read, because it
/// takes a few instructions for a character of a name, whoever wrote it. Immutable.
/// </summary>
internal sealed class NamePattern
{
    private const int Ascii = 128;

    /// <summary>Its parts are bits of one word, and one stands for the end.</summary>
    private const int MostParts = 63;

    /// <summary>The parts that a character fits, by character; the last entry is for those beyond ASCII.</summary>
    private readonly ulong[] _fits = new ulong[Ascii + 1];
    private readonly string _text;
    private readonly bool _fromStart;
    private bool _toEnd;
    private ulong _mayBeLeftOut;
    private ulong _repeats;
    private int _parts;
    private int _at;

    private NamePattern(string text)
    {
        _text = text;
        _fromStart = text.StartsWith('^');
        if (_fromStart) _at++;
    }

    /// <summary>Reads one; null when it is no plain one.</summary>
    public static NamePattern? Read(string text)
    {
        var pattern = new NamePattern(text);
        while (pattern._at < text.Length)
            if (!pattern.Part())
                return null;
        return pattern;
    }

    public bool Matches(string name)
    {
        var end = 1UL << _parts;
        var open = WithoutLeftOut(1);
        foreach (var c in name)
        {
            if (!_toEnd && (open & end) != 0) return true;
            var fitting = open & _fits[Math.Min((int)c, Ascii)];
            open = WithoutLeftOut((fitting << 1) | (fitting & _repeats) | (_fromStart ? 0UL : 1));
        }

        return (open & end) != 0;
    }

    private ulong WithoutLeftOut(ulong open)
    {
        while ((open | ((open & _mayBeLeftOut) << 1)) is var more && more != open) open = more;
        return open;
    }

    private bool Part()
    {
        var c = _text[_at++];
        if (c == '$') return _toEnd = _at == _text.Length;
        var fits = new bool[Ascii + 1];
        var isRead = c switch
        {
            '.' => Any(fits),
            '[' => Class(fits),
            '\\' => Escape(fits) is not null,
            _ => c < Ascii && !"^()|{}*+?".Contains(c, StringComparison.Ordinal) && (fits[c] = true),
        };
        if (!isRead || _parts == MostParts) return false;
        var part = 1UL << _parts++;
        for (var i = 0; i < fits.Length; i++)
            if (fits[i])
                _fits[i] |= part;
        var sign = _at < _text.Length ? _text[_at] : '\0';
        if (sign is not ('*' or '+' or '?')) return true;
        _at++;
        if (sign != '+') _mayBeLeftOut |= part;
        if (sign != '?') _repeats |= part;
        return true;
    }

    private static bool Any(bool[] fits)
    {
        Array.Fill(fits, true);
        fits['\n'] = fits['\r'] = false;
        return true;
    }

    private bool Class(bool[] fits)
    {
        var isNegated = _at < _text.Length && _text[_at] == '^';
        if (isNegated) _at++;
        while (_at < _text.Length && _text[_at] != ']')
        {
            if (Character(fits) is not { } first) return false;
            if (first == Ascii || _at + 1 >= _text.Length || _text[_at] != '-' || _text[_at + 1] == ']') continue;
            _at++;
            if (Character(fits) is not (< Ascii and var last) || last < first) return false;
            Array.Fill(fits, true, first, last - first + 1);
        }

        if (isNegated)
            for (var i = 0; i < fits.Length; i++)
                fits[i] = !fits[i];
        return _at++ < _text.Length;
    }

    /// <summary>A character of a class, or <see cref="Ascii"/> for several of them; null for another kind.</summary>
    private int? Character(bool[] fits)
    {
        var c = _text[_at++];
        if (c == '\\') return Escape(fits);
        if (c >= Ascii) return null;
        fits[c] = true;
        return c;
    }

    private int? Escape(bool[] fits)
    {
        if (_at == _text.Length) return null;
        var c = _text[_at++];
        if (c is 'd' or 'w')
        {
            for (var i = 0; i < Ascii; i++)
                fits[i] |= char.IsAsciiDigit((char)i) || (c == 'w' && (char.IsAsciiLetter((char)i) || i == '_'));
            return Ascii;
        }

        if (c >= Ascii || char.IsAsciiLetterOrDigit(c)) return null;
        fits[c] = true;
        return c;
    }
}
