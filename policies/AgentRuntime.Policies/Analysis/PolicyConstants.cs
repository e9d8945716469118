using System.Globalization;
using System.Text.Json;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// The literals in policies: where a decision changes, it changes at or beside one of them. Read from Cedar's JSON
/// form. Bounded; stateless once made.
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
            using var document = JsonDocument.Parse(CedarPolicySet.Create([policy.WithId("p")]).ToJson());
            constants.Collect(
                document.RootElement.GetProperty("staticPolicies").GetProperty("p").GetProperty("conditions"));
        }

        return constants;
    }

    private void Collect(JsonElement node)
    {
        switch (node.ValueKind)
        {
            case JsonValueKind.Number when node.TryGetInt64(out var integer):
                _integers.Add(integer);
                break;
            case JsonValueKind.Array:
                foreach (var item in node.EnumerateArray())
                    Collect(item);
                break;
            case JsonValueKind.Object:
                foreach (var member in node.EnumerateObject())
                    CollectMember(member);
                break;
            default:
                break;
        }
    }

    private void CollectMember(JsonProperty member)
    {
        if (member.NameEquals("pattern"))
        {
            AddPattern(member.Value);
        }
        else if (member.NameEquals("Value") && member.Value.ValueKind == JsonValueKind.String)
        {
            var text = member.Value.GetString()!;
            _texts.Add(text);
            if (decimal.TryParse(
                text,
                NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
                CultureInfo.InvariantCulture,
                out var number))
                _decimals.Add(number);
        }
        else if (!member.NameEquals("attr"))
        {
            Collect(member.Value);
        }
    }

    // A text that is like the pattern: what its wildcards stand for is one letter.
    private void AddPattern(JsonElement pattern)
    {
        if (pattern.ValueKind != JsonValueKind.Array)
            return;
        var text = "";
        foreach (var part in pattern.EnumerateArray())
            text += part.ValueKind == JsonValueKind.Object && part.TryGetProperty("Literal", out var letters)
                ? letters.GetString()
                : "x";
        _texts.Add(text);
    }
}
