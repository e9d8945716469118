using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Tests;

public sealed class ShadowTests
{
    private readonly MemoryBundleStore _store = new();
    private readonly MemoryAuditLog _audit = new();

    private static Dictionary<string, string> Candidate { get; } = Sample.Bundle((
        "agents.yaml",
        Sample.Agents.Replace("max: {amount_cents: 5000}", "history: {at_most: 1}", StringComparison.Ordinal)));

    [Fact]
    public async Task A_shadow_decides_beside_the_bundle_in_force_and_changes_nothing()
    {
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System, null, _audit);
        await point.ApplyAsync(Calls.Tenant, Sample.Bundle(), CancellationToken.None);
        var shadow = await point.BeginShadowAsync(Calls.Client("demo"), Candidate, CancellationToken.None);
        var run = point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));

        // Refused in force, so the shadow must not count it as made.
        List<Decision> decisions = [Decide(run, 9000), Decide(run, 10), Decide(run, 10)];

        Assert.Empty(shadow.Problems);
        Assert.Equal([Verdict.Deny, Verdict.Allow, Verdict.Allow], decisions.Select(d => d.Verdict));
        Assert.Equal([Verdict.Allow, Verdict.Allow, Verdict.Deny], decisions.Select(d => d.Shadow!.Verdict));
        Assert.Equal(BundleFiles.Digest(Sample.Bundle()), run.Bundle);
        Assert.All(decisions, d => Assert.Equal(shadow.Bundle, d.Shadow!.Bundle));

        Assert.True(await point.EndShadowAsync(Calls.Client("demo"), CancellationToken.None));
        Assert.False(await point.EndShadowAsync(Calls.Client("demo"), CancellationToken.None));
        Assert.Null(Decide(point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk")), 10).Shadow);
        Assert.Equal(
            ["apply", "shadow", "shadow ended"], _audit.Entries.OfType<PolicyChanged>().Select(c => c.Cause));
    }

    [Fact]
    public async Task A_shadow_goes_on_after_a_restart()
    {
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);
        await point.ApplyAsync(Calls.Tenant, Sample.Bundle(), CancellationToken.None);
        await point.BeginShadowAsync(Calls.Client("demo"), Candidate, CancellationToken.None);

        using var restarted = new PolicyDecisionPoint(_store, TimeProvider.System);
        Assert.Empty(await restarted.LoadAsync(CancellationToken.None));

        var decision = Decide(restarted.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk")), 9000);
        Assert.Equal((Verdict.Deny, Verdict.Allow), (decision.Verdict, decision.Shadow!.Verdict));
    }

    [Fact]
    public async Task A_shadow_that_does_not_validate_is_refused()
    {
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);

        var outcome = await point.BeginShadowAsync(
            Calls.Client("demo"), Sample.Bundle(("bundle.yaml", null)), CancellationToken.None);

        Assert.NotEmpty(outcome.Problems);
        Assert.Empty(await _store.ListShadowsAsync(CancellationToken.None));
    }

    private static Decision Decide(IRunPolicy run, int cents)
    {
        var call = Calls.Tool("shop/refund", $$"""{"order": "A", "amount_cents": {{cents}}}""");
        var decision = run.Decide(call);
        if (decision.Verdict == Verdict.Allow)
            run.Settle(call, CallOutcome.Succeeded);
        return decision;
    }
}
