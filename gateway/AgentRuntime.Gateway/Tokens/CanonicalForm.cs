using System.Globalization;
using System.Text;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>
/// Unicode's canonical forms NFC and NFD (UAX 15). .NET's own need ICU, without which this platform runs. Stateless.
/// </summary>
internal static class CanonicalForm
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7;
    private const int Vowels = 21, Trails = 28, Syllables = 19 * Vowels * Trails;

    private static readonly Dictionary<int, int[]> Decompositions = [];
    private static readonly Dictionary<long, int> Compositions = [];
    private static readonly Dictionary<int, int> Classes = [];

    static CanonicalForm()
    {
        foreach (var entry in CanonicalData.Decompositions.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            int[] parts = [.. entry.TrimStart('!').Split(' ').Select(Hex)];
            Decompositions.Add(parts[0], parts[1..]);
            if (entry[0] != '!')
                Compositions.Add(Pair(parts[1], parts[2]), parts[0]);
        }

        foreach (var entry in CanonicalData.Classes.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            int[] parts = [.. entry.Split(' ').Select(Hex)];
            for (var i = 0; i <= parts[1]; i++)
                Classes.Add(parts[0] + i, parts[2]);
        }
    }

    /// <summary>Composed, as NFC.</summary>
    public static string Compose(string text) =>
        // Nothing below the combining marks changes.
        text.AsSpan().ContainsAnyExceptInRange('\0', '\u02FF') ? Text(Composed(Decomposed(text))) : text;

    /// <summary>Decomposed, as NFD.</summary>
    public static string Decompose(string text) =>
        text.AsSpan().ContainsAnyExceptInRange('\0', '\u007F') ? Text(Decomposed(text)) : text;

    private static List<int> Decomposed(string text)
    {
        var result = new List<int>(text.Length + 8);
        foreach (var rune in text.EnumerateRunes())
            Add(rune.Value, result);
        Order(result);
        return result;
    }

    /// <summary>Puts marks behind a letter in the order of their classes; equal ones keep theirs.</summary>
    private static void Order(List<int> text)
    {
        for (var start = 0; start < text.Count; start++)
        {
            var end = start;
            while (end < text.Count && ClassOf(text[end]) > 0)
                end++;
            if (end - start > 1)
            {
                int[] marks = [.. text.Skip(start).Take(end - start).OrderBy(ClassOf)];
                marks.CopyTo(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(text)[start..]);
            }

            start = end;
        }
    }

    private static void Add(int value, List<int> result)
    {
        if (value - HangulBase is >= 0 and < Syllables and var syllable)
        {
            result.Add(LeadBase + (syllable / (Vowels * Trails)));
            result.Add(VowelBase + (syllable % (Vowels * Trails) / Trails));
            if (syllable % Trails > 0)
                result.Add(TrailBase + (syllable % Trails));
        }
        else if (Decompositions.TryGetValue(value, out var parts))
        {
            foreach (var part in parts)
                Add(part, result);
        }
        else
        {
            result.Add(value);
        }
    }

    private static List<int> Composed(List<int> text)
    {
        var result = new List<int>(text.Count);
        var starter = -1;
        var lastClass = 0;
        foreach (var value in text)
        {
            var order = ClassOf(value);
            var isBlocked = starter < result.Count - 1 && lastClass >= order;
            if (starter >= 0 && !isBlocked && Together(result[starter], value) is { } composed)
            {
                result[starter] = composed;
                continue;
            }

            if (order == 0)
                starter = result.Count;
            lastClass = order;
            result.Add(value);
        }

        return result;
    }

    private static int? Together(int first, int second)
    {
        if (first - LeadBase is >= 0 and < 19 and var lead && second - VowelBase is >= 0 and < Vowels and var vowel)
            return HangulBase + (((lead * Vowels) + vowel) * Trails);
        if (first - HangulBase is >= 0 and < Syllables and var syllable && syllable % Trails == 0
            && second - TrailBase is > 0 and < Trails and var trail)
            return first + trail;
        return Compositions.TryGetValue(Pair(first, second), out var composed) ? composed : null;
    }

    private static string Text(List<int> values)
    {
        var text = new StringBuilder(values.Count);
        Span<char> characters = stackalloc char[2];
        foreach (var value in values)
            text.Append(characters[..new Rune(value).EncodeToUtf16(characters)]);
        return text.ToString();
    }

    private static int ClassOf(int value) => value < 0x300 ? 0 : Classes.GetValueOrDefault(value);

    private static long Pair(int first, int second) => ((long)first << 32) | (uint)second;

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
