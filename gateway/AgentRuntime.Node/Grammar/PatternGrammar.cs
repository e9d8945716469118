using System.Globalization;
using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A regular expression (ECMA-262) as rules of a grammar: what has anchors at its ends only, with its repetitions as
/// they are; what looks ahead or asks for other places as a machine. Stateless.
/// </summary>
internal static class PatternGrammar
{
    /// <summary>How characters are escaped in JSON (RFC 8259, section 7), with those that they stand for.</summary>
    private static readonly (int Character, char Sign)[] Escapes =
        [('"', '"'), ('\\', '\\'), ('\b', 'b'), ('\f', 'f'), ('\n', 'n'), ('\r', 'r'), ('\t', 't')];

    /// <summary>What a JSON string does not have as it is.</summary>
    private static readonly (int First, int Last)[] Escaped = [(0, 0x1F), ('"', '"'), ('\\', '\\'), (0x7F, 0x7F)];

    /// <summary>States of a machine for one pattern.</summary>
    private const int MostStates = 4000;

    /// <summary>
    /// Rules, of which <c>root</c> is the start, of texts that are of the pattern from end to end; null when none say
    /// it.
    /// </summary>
    public static string? Whole(string pattern) => PatternReader.Read(pattern) is not { } read ? null
        : read.Alternatives is { } plain
            ? $"root ::= {Alternatives(plain.Select(a => a.Whole), Plain)}\n"
            : Rules(read, PatternLanguage.Whole);

    /// <summary>As <see cref="Whole"/>, of texts that have the pattern somewhere, or where it is anchored.</summary>
    public static string? Part(string pattern) => PatternReader.Read(pattern) is not { } read ? null
        : read.Alternatives is { } plain
            ? $"root ::= {Alternatives(Within(plain), Plain)}\n"
            : Rules(read, PatternLanguage.Part);

    /// <summary>
    /// A JSON string that has the pattern somewhere, or where it is anchored, as an expression; null when one
    /// expression does not say it.
    /// </summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="least">Its least characters, and</param>
    /// <param name="most">its most.</param>
    public static string? OfString(string pattern, int least, int? most)
    {
        if (PatternReader.Read(pattern) is not { Alternatives: { } plain } read) return null;
        if (read.Single is { } single)
        {
            var (from, to) = (Math.Max(least, single.Least), Least(most, single.Most));
            return to < from ? null : $"\"\\\"\" {Of(single with { Least = from, Most = to }, InJson)} \"\\\"\"";
        }

        return least > 0 || most is not null ? null : $"\"\\\"\" {Alternatives(Within(plain), InJson)} \"\\\"\"";
    }

    private static string? Rules(PatternReader pattern, Func<RegularExpressions, PatternReader, int> language)
    {
        try
        {
            var (expressions, rules) = (new RegularExpressions(), new StringBuilder());
            if (RegularMachine.Of(expressions, language(expressions, pattern), MostStates) is not { } machine)
                return null;
            var start = machine.Write(rules, "p", Plain, "\"\"");
            return $"root ::= {start}\n{rules}";
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>A pattern's alternatives, with anything before and behind those that are not anchored.</summary>
    private static IEnumerable<PatternPart> Within(List<PatternAlternative> alternatives)
    {
        var any = new PatternPart.Repeated(new PatternPart.Set(GbnfCharacters.Any.Ranges(0).ToArray()), 0, null);
        return alternatives.Select(a => new PatternPart.Sequence(
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

    /// <summary>Characters as they are.</summary>
    public static string Plain(int[] ranges)
    {
        var text = new StringBuilder("[");
        for (var i = 0; i < ranges.Length; i += 2)
            text.Append(CultureInfo.InvariantCulture, $"\\U{ranges[i]:X8}-\\U{ranges[i + 1]:X8}");
        return text.Append(']').ToString();
    }

    /// <summary>Characters as a JSON string has them, each in its usual form.</summary>
    public static string InJson(int[] ranges)
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
