using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// What can be said with the context unknown: only principal, action and resource are given. Sound both ways: what it
/// hides no call is allowed for; what it shows may still be refused. Immutable and thread-safe.
/// </summary>
internal sealed class Visibility(CompiledBundle bundle)
{
    /// <summary>
    /// The tools that an agent could be allowed to call with some arguments, at some time, after some history.
    /// </summary>
    public IReadOnlySet<string> ToolsOf(string agent)
    {
        var principal = EntityNames.Agent(agent);
        return bundle.Tools.Values
            .Where(t => CouldAllow(Look(principal, t.Action, t.Server)))
            .Select(t => t.Pin.Name)
            .ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>What every policy comes to as far as it can be told.</summary>
    public CedarPartialResponse Look(EntityUid principal, EntityUid action, EntityUid resource) =>
        CedarPartialAuthorizer.Authorize(
            bundle.Policies,
            bundle.Entities,
            new() { Principal = principal, Action = action, Resource = resource, IsContextOpen = true });

    /// <summary>Whether some context could let a request through: a forbid that fails in all of them refuses.</summary>
    public static bool CouldAllow(CedarPartialResponse response) => response.MayBeAllowed && !response.HasForbidError;
}
