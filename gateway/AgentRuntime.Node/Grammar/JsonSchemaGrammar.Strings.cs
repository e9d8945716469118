using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Strings.</content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>The greatest length that is counted beside a pattern: each one takes as many states.</summary>
    private const int MostCounted = 256;

    /// <summary>The end of a text that has no sign there.</summary>
    private const string NoEnd = "\"\"";

    private readonly Dictionary<string, PatternReader?> _read = new(StringComparer.Ordinal);
    private readonly Dictionary<(RegularExpressions Of, string Pattern), int> _languages = [];

    private string? String(JsonElement schema)
    {
        var (least, most) = Bounds(schema, "minLength", "maxLength");
        if (most < least) return null;
        string[] patterns = [.. Patterns(schema)];
        if (CompletionRequestReader.Child(schema, "not") is null)
        {
            if (patterns.Length == 0)
                return least == 0 && most is null ? "string" : Rule($"\"\\\"\" char{Repeat(least, most)} \"\\\"\"");
            if (patterns.Length == 1 && PatternGrammar.OfString(patterns[0], least, most) is { } written)
                return Rule(written);
        }

        string[] asserting = [.. ((string[])["maxLength", "minLength", "pattern", "not"])
            .Where(keyword => CompletionRequestReader.Child(schema, keyword) is not null)];
        var isCounted = most is not { } bound || bound <= MostCounted || IsCountable(schema, bound);
        if (isCounted && TryMachine(e => Texts(e, schema), out var rule)) return rule;
        if (Strict && asserting.Length > 0 && Each(schema, "format").ToArray() is [var format, ..] formats)
        {
            if (most is { } length && formats.Length == 1 && asserting is (["maxLength"] or ["maxLength", "minLength"])
                && StringFormats.Short(format, least, length) is { } brief)
                return Rule(PatternGrammar.OfString(brief, 0, null)!);
            // It asserts nothing (JSON Schema 2020-12, validation, 7.2.1).
            return String(_merge.Without(schema, "format")!.Value);
        }

        // What takes too many states with its greatest length is written without, and else by its first pattern alone.
        if (most is not null) Unenforced(schema, "maxLength", "beside a pattern that takes many states");
        if (most is not null
            && TryMachine(e => Texts(e, _merge.Without(schema, "maxLength") ?? AnyValue), out rule)) return rule;
        var one = patterns.Length > 0 ? PatternGrammar.OfString(patterns[0], 0, null) : null;
        var isOne = asserting is ["pattern"] && one is not null && Entries(schema, "pattern").Length == 1;
        if (asserting is not [] && !isOne)
            Unenforced(schema, asserting[0], "beside what else is said of the text");
        return one is not null ? Rule(one) : "string";
    }

    /// <summary>Whether texts of a schema take few states, so that a great length of them may be counted.</summary>
    private bool IsCountable(JsonElement schema, int most)
    {
        var states = (MostStates - _states) / 2 / most;
        try
        {
            return states > 0 && RegularMachine.Of(
                _expressions, Texts(_expressions, _merge.Without(schema, "maxLength") ?? AnyValue), states) is not null;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    /// <summary>The rule of JSON strings of a language.</summary>
    /// <param name="language">Of the strings' characters.</param>
    /// <param name="rule">The rule; null when the language has no text.</param>
    /// <returns>Whether it takes no more states than there may be.</returns>
    private bool TryMachine(Func<RegularExpressions, int> language, out string? rule) =>
        TryMachine(language, PatternGrammar.InJson, "\"\\\"\"", out rule);

    private bool TryMachine(
        Func<RegularExpressions, int> language, Func<int[], string> set, string end, out string? rule)
    {
        rule = null;
        try
        {
            var wanted = language(_expressions);
            if (_machines.TryGetValue((wanted, end), out rule)) return true;
            if (RegularMachine.Of(_expressions, wanted, MostStates - _states) is { } machine)
            {
                _states += machine.Count;
                rule = NewName();
                var start = machine.Write(_rules, rule, set, end);
                Define(rule, end == NoEnd ? start : $"\"\\\"\" {start}");
            }

            _machines.Add((wanted, end), rule);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    /// <summary>Texts that a schema allows as strings.</summary>
    /// <exception cref="FormatException">They take too many expressions.</exception>
    private int Texts(RegularExpressions expressions, JsonElement schema)
    {
        if (schema.ValueKind == JsonValueKind.False) return RegularExpressions.None;
        if (schema.ValueKind != JsonValueKind.Object) return RegularExpressions.All;
        var (least, most) = Bounds(schema, "minLength", "maxLength");
        if (most < least) return RegularExpressions.None;
        List<int> all = [expressions.Repeated(expressions.Any, least, most)];
        string[] asserted = [.. Each(schema, "pattern")];
        foreach (var pattern in Patterns(schema))
        {
            if (Read(pattern) is not null && Try(() => TextsOf(expressions, pattern)) is { } part) all.Add(part);
            else if (asserted.Contains(pattern))
                Unenforced(schema, "pattern", "where it looks behind or back, or cannot be read");
        }

        if (Listed(schema) is { } values) all.Add(expressions.Literals(Strings(values)));
        all.AddRange(Entries(schema, "allOf").Select(s => Texts(expressions, s)));
        if (List(schema, "anyOf") is { } any)
            all.Add(expressions.Or([.. any.EnumerateArray().Select(s => Texts(expressions, s))]));
        if (CompletionRequestReader.Child(schema, "not") is { } not)
            all.Add(expressions.Not(Texts(expressions, not)));
        return expressions.And([.. all]);
    }

    /// <summary>A pattern; null when it is not read. Many schemas have the same ones.</summary>
    private PatternReader? Read(string pattern) =>
        _read.TryGetValue(pattern, out var read) ? read : _read[pattern] = PatternReader.Read(pattern);

    /// <summary>Texts that have a pattern, which is read.</summary>
    /// <exception cref="FormatException">They take too many expressions.</exception>
    private int TextsOf(RegularExpressions expressions, string pattern) =>
        _languages.TryGetValue((expressions, pattern), out var known) ? known
        : _languages[(expressions, pattern)] = PatternLanguage.Part(expressions, Read(pattern)!);

    /// <summary>The values that a schema lists; null for none.</summary>
    private static JsonElement[]? Listed(JsonElement schema) =>
        schema.TryGetProperty("const", out var constant) ? [constant]
        : List(schema, "enum") is { } values ? [.. values.EnumerateArray()] : null;

    private static IEnumerable<string> Strings(JsonElement[] values) =>
        values.Where(v => v.ValueKind == JsonValueKind.String).Select(v => v.GetString()!);

    /// <summary>What of a pattern can be said; null for nothing.</summary>
    private static int? Try(Func<int> language)
    {
        try
        {
            return language();
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>All patterns of a schema, or of schemas that were merged, and those of formats.</summary>
    private static IEnumerable<string> Patterns(JsonElement schema) =>
        Each(schema, "pattern").Concat(Each(schema, "format").Select(StringFormats.Pattern).OfType<string>());

    private static IEnumerable<string> Each(JsonElement schema, string keyword) => Entries(schema, keyword)
        .Select(v => v.ValueKind == JsonValueKind.String ? v.GetString()! : throw NoSchema(keyword));
}
