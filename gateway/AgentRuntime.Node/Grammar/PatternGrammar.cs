using System.Globalization;
using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A regular expression (ECMA-262, what grammars can say: characters, classes, groups, alternatives, repetitions, and
/// anchors at its ends) as an expression of a grammar. Stateless.
/// </summary>
internal static class PatternGrammar
{
    /// <summary>How characters are escaped in JSON (RFC 8259, section 7), with those that they stand for.</summary>
    private static readonly (int Character, char Sign)[] Escapes =
        [('"', '"'), ('\\', '\\'), ('\b', 'b'), ('\f', 'f'), ('\n', 'n'), ('\r', 'r'), ('\t', 't')];

    /// <summary>What a JSON string does not have as it is.</summary>
    private static readonly (int First, int Last)[] Escaped = [(0, 0x1F), ('"', '"'), ('\\', '\\'), (0x7F, 0x7F)];

    /// <summary>A text that is of the pattern from end to end; null when no grammar says that.</summary>
    public static string? OfText(string pattern) => PatternReader.Read(pattern) is { } read
        ? Alternatives(read.Alternatives.Select(a => a.Whole), Plain)
        : null;

    /// <summary>A text that has the pattern somewhere, or where it is anchored; null as before.</summary>
    public static string? OfPart(string pattern) => PatternReader.Read(pattern) is { } read
        ? Alternatives(Within(read), Plain)
        : null;

    /// <summary>A JSON string that has the pattern somewhere, or where it is anchored; null as before.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="least">Its least characters, and</param>
    /// <param name="most">its most: kept where the pattern is one class of characters, else not enforced.</param>
    public static string? OfString(string pattern, int least, int? most)
    {
        if (PatternReader.Read(pattern) is not { } read) return null;
        if (read.Single is { } single)
        {
            var (from, to) = (Math.Max(least, single.Least), Least(most, single.Most));
            return to < from ? null : $"\"\\\"\" {Of(single with { Least = from, Most = to }, InJson)} \"\\\"\"";
        }

        return $"\"\\\"\" {Alternatives(Within(read), InJson)} \"\\\"\"";
    }

    /// <summary>A pattern's alternatives, with anything before and behind those that are not anchored.</summary>
    private static IEnumerable<PatternPart> Within(PatternReader read)
    {
        var any = new PatternPart.Repeated(new PatternPart.Set(GbnfCharacters.Any.Ranges(0).ToArray()), 0, null);
        return read.Alternatives.Select(a => new PatternPart.Sequence(
            [.. a.FromStart ? [] : (PatternPart[])[any], a.Whole, .. a.ToEnd ? [] : (PatternPart[])[any]]));
    }

    private static int? Least(int? a, int? b) => a is null || b < a ? b : a;

    private static string Of(PatternPart part, Func<int[], string> set) => part switch
    {
        PatternPart.Set s => set(s.Ranges),
        PatternPart.Choice c => Alternatives(c.Parts, set),
        PatternPart.Repeated r => string.Create(
            CultureInfo.InvariantCulture, $"{Of(r.Part, set)}{{{r.Least},{r.Most}}}"),
        PatternPart.Sequence { Parts.Count: > 0 } s => $"({string.Join(' ', s.Parts.Select(p => Of(p, set)))})",
        _ => "(\"\")",
    };

    private static string Alternatives(IEnumerable<PatternPart> parts, Func<int[], string> set) =>
        $"({string.Join(" | ", parts.Select(p => Of(p, set)))})";

    private static string Plain(int[] ranges)
    {
        var text = new StringBuilder("[");
        for (var i = 0; i < ranges.Length; i += 2)
            text.Append(CultureInfo.InvariantCulture, $"\\U{ranges[i]:X8}-\\U{ranges[i + 1]:X8}");
        return text.Append(']').ToString();
    }

    /// <summary>Characters as a JSON string has them, each in its usual form.</summary>
    private static string InJson(int[] ranges)
    {
        List<string> forms = [];
        var plain = GbnfCharacters.Others([.. GbnfCharacters.Pairs(GbnfCharacters.Others(
            GbnfCharacters.Pairs(ranges))), .. Escaped]);
        if (plain.Length > 0) forms.Add(Plain(plain));
        var signs = string.Concat(Escapes.Where(e => Has(ranges, e.Character)).Select(e => "\\U" + Hex(e.Sign)));
        if (signs.Length > 0) forms.Add($"\"\\\\\" [{signs}]");
        // Other control characters only where nothing else is asked for.
        if (forms.Count == 0)
            forms.AddRange(Enumerable.Range(0, 0x80).Where(c => Has(ranges, c)).Select(c => $"\"\\\\u{c:X4}\""));
        return forms.Count == 1 && forms[0][0] == '[' ? forms[0] : $"({string.Join(" | ", forms)})";
    }

    private static bool Has(int[] ranges, int character)
    {
        for (var i = 0; i < ranges.Length; i += 2)
            if (character >= ranges[i] && character <= ranges[i + 1])
                return true;
        return false;
    }

    private static string Hex(int character) => character.ToString("X8", CultureInfo.InvariantCulture);
}
