using System.Globalization;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// Tells which limit of a grant a refused call did not keep to. Only explains: Cedar has decided before. Stateless.
/// </summary>
internal static class LimitEvaluation
{
    /// <summary>
    /// Characters of text times those of pattern that are worth a reason: the search takes as long as that.
    /// </summary>
    private const long MostSearched = 1 << 24;

    /// <summary>The argument; null when it is absent.</summary>
    public static CedarValue? Find(this ArgumentLimit limit, CedarRecord input)
    {
        var at = CedarValue.Record(input);
        foreach (var step in limit.Path)
        {
            if (at.Kind != CedarValueKind.Record || !at.AsRecord().TryGetValue(step.Name, out at))
                return null;
        }

        return at;
    }

    public static bool Holds(this ArgumentLimit limit, CedarValue? value) =>
        value is { } present && limit.Kind switch
        {
            LimitKind.Max => Scaled(present) <= Scaled(limit),
            LimitKind.Min => Scaled(present) >= Scaled(limit),
            LimitKind.OneOf => limit.Values.Contains(
                present.Kind == CedarValueKind.Long
                    ? present.AsLong().ToString(CultureInfo.InvariantCulture)
                    : present.AsString()),
            LimitKind.Like => IsLike(present.AsString(), limit.Values[0]),
            _ => false,
        };

    private static decimal Scaled(CedarValue value) =>
        value.Kind == CedarValueKind.Long ? value.AsLong() : value.AsDecimalTenThousandths() / 10_000m;

    private static decimal Scaled(ArgumentLimit limit) => decimal.Parse(limit.Values[0], CultureInfo.InvariantCulture);

    // Where it takes too long to tell, it is not what is named as not kept to.
    private static bool IsLike(string text, string pattern)
    {
        if ((long)text.Length * pattern.Length > MostSearched)
            return true;
        var parts = pattern.Split('*');
        if (parts.Length == 1)
            return text == pattern;
        if (!text.StartsWith(parts[0], StringComparison.Ordinal))
            return false;
        var at = parts[0].Length;
        foreach (var part in parts.AsSpan(1, parts.Length - 2))
        {
            var found = text.IndexOf(part, at, StringComparison.Ordinal);
            if (found < 0)
                return false;
            at = found + part.Length;
        }

        return text.Length - at >= parts[^1].Length && text.EndsWith(parts[^1], StringComparison.Ordinal);
    }
}
