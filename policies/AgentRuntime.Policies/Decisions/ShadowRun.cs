using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Decides by the bundle in force and lets a shadow bundle decide too, which is only told. The shadow sees the history
/// that really happens: a call that it would refuse and that was made is not in it, and a call that it would allow and
/// that was refused was never sent. Thread-safe.
/// </summary>
internal sealed class ShadowRun(IRunPolicy enforced, IRunPolicy shadow) : IRunPolicy
{
    public BundleDigest Bundle => enforced.Bundle;

    public IReadOnlyList<string> VisibleTools(IReadOnlyList<string> offered) => enforced.VisibleTools(offered);

    public Decision Decide(PolicyCall call)
    {
        var decision = enforced.Decide(call);
        var other = shadow.Decide(call);
        if (other.Verdict == Verdict.Allow && decision.Verdict != Verdict.Allow)
            shadow.Settle(call, CallOutcome.NotSent);
        return decision with { Shadow = other };
    }

    public void Settle(PolicyCall call, CallOutcome outcome)
    {
        enforced.Settle(call, outcome);
        shadow.Settle(call, outcome);
    }

    public void Approve(PolicyCall call, DateTimeOffset at)
    {
        enforced.Approve(call, at);
        shadow.Approve(call, at);
    }
}
