using System.Globalization;
using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>A literal or a class of characters. Immutable.</summary>
internal sealed class GbnfCharacters
{
    /// <summary>Zero is no character of a text.</summary>
    private const int First = 1;

    /// <summary>The last character that there is.</summary>
    public const int Last = 0x10FFFF;

    private static readonly (int First, int Last) Surrogates = (0xD800, 0xDFFF);

    private readonly bool _isClass;

    /// <summary>Of each range the first and the last code point: a literal's in order, a class's ascending.</summary>
    private readonly int[] _ranges;

    private GbnfCharacters(bool isClass, int[] ranges) => (_isClass, _ranges) = (isClass, ranges);

    /// <summary>Any one character.</summary>
    public static GbnfCharacters Any { get; } = new(true, Others([]));

    /// <summary>
    /// No character: stands where an item or a name has ended that must differ from those before it in its array or
    /// object.
    /// </summary>
    public static GbnfCharacters Differing { get; } = new(true, [Last + 1, Last + 1]);

    /// <summary>Characters that are written for it.</summary>
    public int Length => _isClass ? 1 : _ranges.Length / 2;

    /// <summary>All of them, one behind the other.</summary>
    /// <param name="text">What the grammar has between quotes, checked.</param>
    /// <exception cref="FormatException">It has NUL, half a surrogate pair or what is beyond Unicode.</exception>
    public static GbnfCharacters Literal(string text)
    {
        List<int> ranges = [];
        for (var at = 0; at < text.Length;)
        {
            var point = Point(text, ref at);
            if (!Any.Fits(0, point)) throw new FormatException($"it has U+{point:X4}, which is no character");
            ranges.Add(point);
            ranges.Add(point);
        }

        return new(false, [.. ranges]);
    }

    /// <summary>One of them, or of what lies between two that a hyphen joins.</summary>
    /// <param name="text">What the grammar has between brackets, checked.</param>
    /// <param name="others">Whether it is one of all others instead.</param>
    public static GbnfCharacters Class(string text, bool others)
    {
        List<(int First, int Last)> ranges = [];
        for (var at = 0; at < text.Length;)
        {
            var first = Point(text, ref at);
            var isRange = at + 1 < text.Length && text[at] == '-';
            if (isRange) at++;
            ranges.Add((first, isRange ? Point(text, ref at) : first));
        }

        return new(true, others ? Others(ranges) : ranges is [var (from, to)] && IsPlain(from, to) ? [from, to]
            : All(ranges));
    }

    /// <summary>First and last code points of the ranges that fit at a place of it, ascending and apart.</summary>
    public ReadOnlySpan<int> Ranges(int place) => _isClass ? _ranges : _ranges.AsSpan(place * 2, 2);

    /// <summary>Whether a character may be the one at a place of it.</summary>
    public bool Fits(int place, int character)
    {
        var ranges = Ranges(place);
        var at = ranges.BinarySearch(character);
        // Between a range's first and its last one; before a first one there is an even number of others.
        return at >= 0 || (~at & 1) == 1;
    }

    /// <summary>
    /// The first and the last code point of each range, ascending and apart, of the characters in these.
    /// </summary>
    public static int[] All(IEnumerable<(int First, int Last)> ranges) => Others(Pairs(Others(ranges)));

    /// <summary>
    /// As <see cref="All"/>, of all characters that are in none of these; half a surrogate pair is none.
    /// </summary>
    public static int[] Others(IEnumerable<(int First, int Last)> ranges)
    {
        // One number each: they are put into order very often.
        List<long> sorted = [Number(Surrogates)];
        foreach (var range in ranges) sorted.Add(Number(range));
        sorted.Sort();
        List<int> others = new(2 * (sorted.Count + 1));
        var next = First;
        foreach (var range in sorted)
        {
            var (first, last) = ((int)(range >> 32), (int)range);
            if (first > last) continue;
            if (first > next)
            {
                others.Add(next);
                others.Add(Math.Min(first - 1, Last));
            }

            next = Math.Max(next, Math.Min(last, Last) + 1);
            if (next > Last) break;
        }

        if (next <= Last)
        {
            others.Add(next);
            others.Add(Last);
        }

        return [.. others];

        static long Number((int First, int Last) range) => ((long)range.First << 32) | (uint)range.Last;
    }

    /// <summary>Ranges as <see cref="All"/> returns them, one by one.</summary>
    public static IEnumerable<(int First, int Last)> Pairs(int[] ranges)
    {
        for (var i = 0; i < ranges.Length; i += 2) yield return (ranges[i], ranges[i + 1]);
    }

    /// <summary>Whether all between two characters are characters too.</summary>
    private static bool IsPlain(int from, int to) => from >= First && from <= to && to <= Last
        && (to < Surrogates.First || from > Surrogates.Last);

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
