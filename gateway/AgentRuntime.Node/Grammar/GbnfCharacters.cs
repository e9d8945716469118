using System.Globalization;
using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>How <see cref="GbnfCharacters"/> stand for what may be written.</summary>
internal enum GbnfCharacterKind
{
    /// <summary>All of them, one behind the other.</summary>
    Sequence,

    /// <summary>One of them, or of what lies between two that a hyphen joins.</summary>
    OneOf,

    /// <summary>One that is none of these.</summary>
    NoneOf,
}

/// <summary>A literal or a class of characters. Immutable.</summary>
internal sealed class GbnfCharacters
{
    private readonly GbnfCharacterKind _kind;

    /// <summary>Of a sequence each code point, of a class the first and last one of each range.</summary>
    private readonly int[] _points;

    /// <param name="kind">How they are meant.</param>
    /// <param name="text">What the grammar has between quotes or brackets, checked.</param>
    public GbnfCharacters(GbnfCharacterKind kind, string text)
    {
        _kind = kind;
        List<int> points = [];
        for (var at = 0; at < text.Length;)
        {
            points.Add(Point(text, ref at));
            if (kind == GbnfCharacterKind.Sequence) continue;
            var isRange = at + 1 < text.Length && text[at] == '-';
            if (isRange) at++;
            points.Add(isRange ? Point(text, ref at) : points[^1]);
        }

        _points = [.. points];
    }

    /// <summary>Characters that are written for it.</summary>
    public int Length => _kind == GbnfCharacterKind.Sequence ? _points.Length : 1;

    /// <summary>Whether a character may be the one at a place of it.</summary>
    public bool Fits(int place, int character)
    {
        if (_kind == GbnfCharacterKind.Sequence) return _points[place] == character;
        var found = false;
        for (var i = 0; i < _points.Length && !found; i += 2)
            found = character >= _points[i] && character <= _points[i + 1];
        return found == (_kind == GbnfCharacterKind.OneOf);
    }

    private static int Point(string text, ref int at)
    {
        if (text[at] != '\\')
        {
            Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length);
            at += length;
            return rune.Value;
        }

        var digits = text[at + 1] switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        at += 2 + digits;
        return digits > 0
            ? (int)Math.Min(uint.Parse(text.AsSpan(at - digits, digits), NumberStyles.AllowHexSpecifier), int.MaxValue)
            : text[at - 1] switch { 't' => '\t', 'r' => '\r', 'n' => '\n', var c => c };
    }
}
