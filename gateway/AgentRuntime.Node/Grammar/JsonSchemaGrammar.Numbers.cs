using System.Globalization;
using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Numbers.</content>
internal sealed partial class JsonSchemaGrammar
{
    /// <summary>What is greater than any number that is written (<see cref="BasicRules"/>).</summary>
    private const double BeyondNumbers = 1e116;

    private string? Numbers(JsonElement schema, bool isWhole)
    {
        var bounded = Between(schema, isWhole, out var isBounded);
        if (CompletionRequestReader.Child(schema, "multipleOf") is null
            && CompletionRequestReader.Child(schema, "not") is null)
            return !isBounded ? isWhole ? "integer" : "number" : bounded is null ? null : Rule(bounded);
        if (bounded is null) return null;
        if (TryMachine(e => e.And(e.Of(GbnfReader.Read($"root ::= {bounded}\n")), Numbers(e, schema)),
            PatternGrammar.Plain, NoEnd, out var rule)) return rule;
        Unenforced(schema, CompletionRequestReader.Child(schema, "multipleOf") is null ? "not" : "multipleOf",
            "beside what else is said of the number");
        return Rule(bounded);
    }

    /// <summary>Numbers between a schema's bounds; null for none.</summary>
    private string? Between(JsonElement schema, bool isWhole, out bool isBounded)
    {
        var (least, isAbove) = Bound(schema, "minimum", "exclusiveMinimum", (a, b) => a > b);
        var (most, isBelow) = Bound(schema, "maximum", "exclusiveMaximum", (a, b) => a < b);
        isBounded = least is not null || most is not null;
        var (from, to) = (least ?? decimal.MinValue, most ?? decimal.MaxValue);
        if (!isWhole) return NumberGrammar.Any(from, isAbove, to, isBelow);
        if (isAbove) from = Math.Floor(from) + 1;
        if (isBelow) to = Math.Ceiling(to) - 1;
        return NumberGrammar.Whole(from, to);
    }

    /// <summary>Numbers, as decimals without exponents, of what a schema says besides bounds.</summary>
    /// <exception cref="FormatException">They take too many expressions.</exception>
    private int Numbers(RegularExpressions expressions, JsonElement schema)
    {
        List<int> all = [RegularExpressions.All];
        foreach (var multiple in Entries(schema, "multipleOf"))
        {
            if (Multiple(expressions, multiple) is { } multiples) all.Add(multiples);
            else Unenforced(schema, "multipleOf", "of numbers that are so great or have so many digits");
        }

        if (Entries(schema, "type") is [{ ValueKind: JsonValueKind.String } type] && type.ValueEquals("integer"))
            all.Add(expressions.Multiple(1, 0));
        if (Listed(schema) is { } values)
            all.Add(expressions.Or([.. values.Select(v => Value(expressions, v))]));
        if (CompletionRequestReader.Child(schema, "anyOf") is { } any)
            all.Add(expressions.Or([.. any.EnumerateArray().Select(s => Numbers(expressions, s))]));
        if (CompletionRequestReader.Child(schema, "not") is { } not)
            all.Add(expressions.Not(Numbers(expressions, not)));
        return expressions.And([.. all]);
    }

    private static int? Multiple(RegularExpressions expressions, JsonElement multiple)
    {
        if (multiple.ValueKind != JsonValueKind.Number || multiple.GetDouble() <= 0) throw NoSchema("multipleOf");
        if (!multiple.TryGetDecimal(out var of) || of == 0) return null;
        of /= 1.0000000000000000000000000000m; // no zeros at the end
        var places = of.Scale;
        for (var i = 0; i < places; i++)
            if ((of *= 10) > int.MaxValue)
                return null;
        return of <= int.MaxValue ? expressions.Multiple((int)of, places) : null;
    }

    /// <summary>A number as it may be written without an exponent; none when it is no number.</summary>
    private static int Value(RegularExpressions expressions, JsonElement number)
    {
        if (number.ValueKind != JsonValueKind.Number || !number.TryGetDecimal(out var value))
            return RegularExpressions.None;
        var text = Plain(value);
        var zeros = expressions.Repeated(expressions.Set(['0', '0']), 1, null);
        var more = text.Contains('.', StringComparison.Ordinal)
            ? zeros : expressions.Sequence(expressions.Literals(["."]), zeros);
        return expressions.Sequence(
            expressions.Literals(value == 0 ? ["0", "-0"] : [text]), expressions.Or(RegularExpressions.Empty, more));
    }

    /// <summary>A number's digits, without zeros at the end.</summary>
    private static string Plain(decimal number) =>
        (number / 1.0000000000000000000000000000m).ToString(CultureInfo.InvariantCulture);

    /// <summary>The tighter one of two bounds; null where there is none, or none that numbers come to.</summary>
    private (decimal? Bound, bool IsExclusive) Bound(
        JsonElement schema, string name, string exclusiveName, Func<decimal, decimal, bool> isTighter)
    {
        // Draft 4 has a boolean there, which makes the other one exclusive.
        if (CompletionRequestReader.Child(schema, exclusiveName) is
            { ValueKind: JsonValueKind.True or JsonValueKind.False } isIt)
            return (Decimal(schema, name), isIt.ValueKind == JsonValueKind.True);
        var (inclusive, exclusive) = (Decimal(schema, name), Decimal(schema, exclusiveName));
        return exclusive is { } e && (inclusive is not { } i || e == i || isTighter(e, i))
            ? (e, true) : (inclusive, false);
    }

    /// <summary>
    /// A bound; of one that is too great for it the greatest, if the numbers that it leaves are on this side.
    /// </summary>
    private decimal? Decimal(JsonElement schema, string name)
    {
        if (Number(schema, name) is not { } bound) return null;
        if (schema.GetProperty(name).TryGetDecimal(out var value)) return value;
        var isMost = name is "maximum" or "exclusiveMaximum";
        if (bound < 0 == isMost) Unenforced(schema, name, "of so great a number");
        else if (Math.Abs(bound) < BeyondNumbers) return isMost ? decimal.MaxValue : decimal.MinValue;
        return null;
    }
}
