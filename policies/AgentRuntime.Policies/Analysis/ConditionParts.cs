using System.Text.Json.Nodes;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// A policy's conditions taken apart into what must hold one after the other: each <c>when</c> at its
/// <c>&amp;&amp;</c>, each <c>unless</c> at its <c>||</c>. Works on Cedar's own JSON form of policies. Stateless.
/// </summary>
internal static class ConditionParts
{
    private const int MaxParts = 200;

    /// <summary>The parts in order, each a policy without a head that holds when the part is kept to.</summary>
    public static IReadOnlyList<ConditionPart> Of(CedarPolicy policy)
    {
        var set = JsonNode.Parse(CedarPolicySet.Create([policy.WithId("p")]).ToJson())!;
        var parts = new List<ConditionPart>();
        foreach (var condition in set["staticPolicies"]!["p"]!["conditions"]!.AsArray())
        {
            var isUnless = (string)condition!["kind"]! == "unless";
            Split(condition["body"]!, isUnless ? "||" : "&&", isUnless, parts);
        }

        return parts;
    }

    private static void Split(JsonNode body, string connective, bool isUnless, List<ConditionPart> parts)
    {
        if (body is JsonObject { Count: 1 } node && node[connective] is JsonObject both && parts.Count < MaxParts)
        {
            Split(both["left"]!, connective, isUnless, parts);
            Split(both["right"]!, connective, isUnless, parts);
            return;
        }

        var policy = new JsonObject
        {
            ["effect"] = "permit",
            ["principal"] = new JsonObject { ["op"] = "All" },
            ["action"] = new JsonObject { ["op"] = "All" },
            ["resource"] = new JsonObject { ["op"] = "All" },
            ["conditions"] = new JsonArray(new JsonObject
            {
                ["kind"] = isUnless ? "unless" : "when",
                ["body"] = body.DeepClone(),
            }),
        };
        var set = CedarPolicySet.ParseJson(policy.ToJsonString());
        parts.Add(new(set, Text(set.Policies[0]), isUnless));
    }

    private static string Text(CedarPolicy policy)
    {
        var text = policy.ToString();
        var start = text.IndexOf("{ ", StringComparison.Ordinal) + 2;
        return text[start..text.LastIndexOf(" }", StringComparison.Ordinal)];
    }
}

/// <summary>One thing that must hold, or with <c>unless</c> must not. Immutable.</summary>
/// <param name="Policy">The part as a policy.</param>
/// <param name="Expression">The part as Cedar.</param>
/// <param name="IsUnless">It must not hold.</param>
internal sealed record ConditionPart(CedarPolicySet Policy, string Expression, bool IsUnless)
{
    /// <summary>The part as a reader says it.</summary>
    public string Text => IsUnless ? $"not: {Expression}" : Expression;

    /// <summary>Whether it is kept to for a request; null when it fails to evaluate, with the error.</summary>
    public bool? Holds(CedarRequest request, CedarEntities entities, out string? error)
    {
        var response = CedarAuthorizer.Authorize(Policy, entities, request);
        error = response.Errors.Count > 0 ? response.Errors[0].Message : null;
        return error is null ? response.IsAllowed : null;
    }
}
