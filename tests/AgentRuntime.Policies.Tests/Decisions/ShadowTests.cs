using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

public sealed class ShadowTests
{
    [Fact]
    public async Task A_shadow_decides_beside_the_bundle_in_force_and_changes_nothing()
    {
        var log = new Log();
        using var point = new PolicyDecisionPoint(new NoStore(), TimeProvider.System, new() { ShadowLog = log });
        await point.ApplyAsync(Calls.Tenant, Sample.Bundle(), CancellationToken.None);
        var agents = Sample.Agents.Replace(
            "max: {amount_cents: 5000}", "history: {at_most: 1}", StringComparison.Ordinal);
        var shadow = point.BeginShadow(Calls.Tenant, Sample.Bundle(("agents.yaml", agents)));
        var run = point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));

        // Refused in force, so the shadow must not count it as made.
        List<Verdict> verdicts = [Decide(run, 9000), Decide(run, 10), Decide(run, 10)];

        Assert.Empty(shadow.Problems);
        Assert.Equal([Verdict.Deny, Verdict.Allow, Verdict.Allow], verdicts);
        Assert.Equal([Verdict.Allow, Verdict.Allow, Verdict.Deny], log.Shadow);
        Assert.Equal(BundleFiles.Digest(Sample.Bundle()), run.Bundle);

        point.EndShadow(Calls.Tenant);
        Decide(point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk")), 10);
        Assert.Equal(3, log.Shadow.Count);
    }

    [Fact]
    public void A_shadow_that_nobody_hears_or_that_does_not_validate_is_refused()
    {
        using var deaf = new PolicyDecisionPoint(new NoStore(), TimeProvider.System);
        using var point = new PolicyDecisionPoint(new NoStore(), TimeProvider.System, new() { ShadowLog = new Log() });

        Assert.Throws<InvalidOperationException>(() => deaf.BeginShadow(Calls.Tenant, Sample.Bundle()));
        Assert.NotEmpty(point.BeginShadow(Calls.Tenant, Sample.Bundle(("bundle.yaml", null))).Problems);
        Assert.Null(point.Current(Calls.Tenant));
    }

    private static Verdict Decide(IRunPolicy run, int cents)
    {
        var call = Calls.Tool("shop/refund", $$"""{"order": "A", "amount_cents": {{cents}}}""");
        var verdict = run.Decide(call).Verdict;
        if (verdict == Verdict.Allow)
            run.Settle(call, CallOutcome.Succeeded);
        return verdict;
    }

    private sealed class Log : IShadowLog
    {
        public List<Verdict> Shadow { get; } = [];

        public void Record(WorkIdentity identity, PolicyCall call, Decision enforced, Decision shadow) =>
            Shadow.Add(shadow.Verdict);
    }

    private sealed class NoStore : IBundleStore
    {
        public ValueTask PutAsync(
            TenantId tenant,
            BundleDigest digest,
            IReadOnlyDictionary<string, string> files,
            CancellationToken cancellationToken) =>
            default;

        public ValueTask<IReadOnlyList<StoredBundle>> ListAsync(CancellationToken cancellationToken) => new([]);
    }
}
