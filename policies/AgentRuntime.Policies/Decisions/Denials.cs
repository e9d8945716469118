using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Writes refusals so that the reader knows what is granted and what was asked for. Stateless.</summary>
internal static class Denials
{
    private const int MostGrantsShown = 3;
    private const int LongestCondition = 200;

    public static RuntimeError AgentNotInBundle(string agent, IEnumerable<string> known) =>
        new(
            ReasonCodes.AgentNotInBundle,
            $"the bundle does not name the agent '{agent}', so it may do nothing",
            Action: NearestName.Find(agent, known) is { } near
                ? $"The bundle names '{near}'."
                : "Add it to agents.yaml.");

    public static RuntimeError UnknownTool(string tool, IEnumerable<string> known) =>
        new(
            ReasonCodes.UnknownToolInPolicy,
            $"no tool server of the bundle offers '{Cut(tool, 200)}'",
            Action: NearestName.Find(tool, known) is { } near ? $"Did you mean '{near}'?" : null);

    public static RuntimeError ModelNotGranted(string caller, string model) =>
        new(ReasonCodes.ModelNotGranted, $"the bundle does not grant the model '{Cut(model, 200)}' to {caller}");

    public static RuntimeError UnknownMemory(AgentDefinition agent, PolicyCall call, IEnumerable<string> known) =>
        new(
            ReasonCodes.DefaultDeny,
            $"the agent '{agent.Name}' is not granted to {MemoryCalls.Verb(call.Action)} the memory "
                + $"'{Cut(call.Resource, 200)}': the bundle describes none of that name",
            agent.Position.ToString(),
            NearestName.Find(call.Resource, known) is { } near ? $"Did you mean '{near}'?" : null);

    /// <summary>No permit holds: nothing is granted, or only other keys or the other access are.</summary>
    public static RuntimeError MemoryNotGranted(AgentDefinition agent, PolicyCall call, CedarRecord input)
    {
        var verb = MemoryCalls.Verb(call.Action);
        var grants = GrantPolicies.NameMemory(agent).Where(g => g.Grant.Bucket == call.Resource).ToList();
        var same = grants.Where(g => g.Action == call.Action).Select(g => g.Grant).ToList();
        if (same.Count == 0)
        {
            var rest = grants.Count > 0 ? $", only to {MemoryCalls.Verb(grants[0].Action)} it" : "";
            return new(
                ReasonCodes.DefaultDeny,
                $"the agent '{agent.Name}' is not granted to {verb} the memory '{call.Resource}'{rest}",
                (grants.Count > 0 ? grants[0].Grant.Position : agent.Position).ToString());
        }

        var prefixes = string.Join(", or with ", same.Take(MostGrantsShown).Select(g => $"'{g.Keys}'"));
        var actual = input.ContainsKey("key") ? "and the key is another" : "and listing shows all of them";
        return new(
            ReasonCodes.DefaultDeny,
            $"the agent '{agent.Name}' may {verb} the memory '{call.Resource}' only at keys that begin with "
                + $"{prefixes}, {actual}",
            same[0].Position.ToString());
    }

    public static RuntimeError InvalidArguments(string tool, string problem) =>
        new(ReasonCodes.InvalidArguments, $"the arguments of '{tool}' do not fit its schema: {problem}", tool);

    public static RuntimeError Forbidden(string caller, string what, CedarPolicy rule) =>
        new(
            ReasonCodes.ForbiddenByRule,
            rule.Annotations.GetValueOrDefault("reason") is { Length: > 0 } reason
                ? reason
                : $"the rule '{rule.Id}' forbids {caller} {what}",
            PlaceOf(rule));

    public static RuntimeError RuleError(string caller, string what, CedarPolicyError error) =>
        new(
            ReasonCodes.RuleError,
            $"the rule '{error.Policy.Id}' that could forbid {caller} {what} failed, so the call is refused: "
                + error.Message,
            PlaceOf(error.Policy),
            "Correct the rule.");

    public static RuntimeError ApprovalRequired(string caller, string what, CedarPolicy permit) =>
        new(
            ReasonCodes.ApprovalRequired,
            permit.Annotations.GetValueOrDefault("reason") is { Length: > 0 } reason
                ? reason
                : $"a person must approve {caller} {what}",
            PlaceOf(permit));

    public static RuntimeError ThreatApproval(ThreatHold hold) =>
        new(
            ReasonCodes.ApprovalRequired,
            $"a person must approve every call: the threat rule '{hold.Rule}' fired on {hold.Detail}"
                + (hold.Reason is null ? "" : $" ({hold.Reason})"),
            hold.Rule);

    public static RuntimeError TooManyInFlight() =>
        new(
            ReasonCodes.DefaultDeny,
            $"{RunHistory.MaxInFlight} calls of the run are in flight, and no rule allows more",
            Action: "Wait for some of them.");

    /// <summary>
    /// No permit holds: nothing is granted, or what is granted has conditions that this call does not meet.
    /// </summary>
    public static RuntimeError NotGranted(AgentDefinition agent, in HistoryCall call, RunHistory history)
    {
        var tool = call.Tool;
        var grants = GrantPolicies.Name(agent).Where(g => g.Grant.Tool == tool).ToList();
        if (grants.Count == 0)
        {
            return new(
                ReasonCodes.DefaultDeny,
                $"the agent '{agent.Name}' is not granted the tool '{tool}'",
                agent.Position.ToString());
        }

        var actual = grants.Count == 1 ? Actual(grants[0].Grant, call.Input) : null;
        var unmet = actual is null && grants.Count == 1 ? history.Unmet(grants[0].Id, call) : null;
        var conditions = unmet is null
            ? string.Join(", or with ", grants.Take(MostGrantsShown).Select(g => Conditions(g.Grant)))
            : unmet.Describe();
        var reason = grants.Select(g => g.Grant.Reason).FirstOrDefault(r => r is not null);
        var only = unmet is null ? "with" : "on this condition:";
        var message = $"the agent '{agent.Name}' may call '{tool}' only {only} {conditions}{actual}";
        return new(
            ReasonCodes.DefaultDeny,
            reason is null ? message : $"{message}: {reason}",
            (unmet?.Position ?? grants[0].Grant.Position).ToString());
    }

    private static string Conditions(GrantDefinition grant)
    {
        var parts = grant.Limits.Select(l => l.Describe()).ToList();
        if (grant.Condition is { } condition)
        {
            var words = condition.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            parts.Add($"{{ {Cut(string.Join(' ', words), LongestCondition)} }}");
        }

        parts.AddRange(grant.History.Select(h => h.Describe()));
        return string.Join(" and ", parts);
    }

    // Only numbers are shown: a text may be what nobody should find in a log.
    private static string? Actual(GrantDefinition grant, CedarRecord input)
    {
        foreach (var limit in grant.Limits)
        {
            var value = limit.Find(input);
            if (limit.Holds(value))
                continue;
            return value is null ? $", and {limit.Argument} is absent"
                : limit.Shape is TextShape ? $", and {limit.Argument} is another"
                : $", and {limit.Argument} is {Number(value.Value)}";
        }

        return null;
    }

    private static string Number(CedarValue value) =>
        value.Kind == CedarValueKind.Long
            ? value.AsLong().ToString(System.Globalization.CultureInfo.InvariantCulture)
            : (value.AsDecimalTenThousandths() / 10_000m).ToString(
                "0.####", System.Globalization.CultureInfo.InvariantCulture);

    private static string? PlaceOf(CedarPolicy policy) =>
        policy.Annotations.GetValueOrDefault("source") is { } source && policy.Position.File is null
            ? source
            : policy.Position.IsNone ? null : policy.Position.ToString();

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..length] + "…";
}
