using System.Globalization;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// The literals in policies: where a decision changes, it changes at or beside one of them. Bounded; stateless once
/// made.
/// </summary>
internal sealed class PolicyConstants
{
    private const int Most = 16;

    private readonly SortedSet<long> _integers = [];
    private readonly SortedSet<string> _texts = new(StringComparer.Ordinal);
    private readonly SortedSet<decimal> _decimals = [];

    public IEnumerable<long> Integers => _integers.Take(Most);

    public IEnumerable<string> Texts => _texts.Take(Most);

    public IEnumerable<decimal> Decimals => _decimals.Take(Most);

    public static PolicyConstants Of(IEnumerable<CedarPolicy> policies)
    {
        var constants = new PolicyConstants();
        foreach (var policy in policies.DistinctBy(p => p.Id, StringComparer.Ordinal))
        {
            foreach (var constant in policy.Constants())
                constants.Add(constant);
        }

        return constants;
    }

    private void Add(CedarValue constant)
    {
        if (constant.Kind == CedarValueKind.Long)
            _integers.Add(constant.AsLong());
        if (constant.Kind != CedarValueKind.String)
            return;

        // What looks like a decimal is most likely the argument of one.
        var text = constant.AsString();
        _texts.Add(text);
        if (decimal.TryParse(
            text,
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out var number))
            _decimals.Add(number);
    }
}
