using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

public sealed class SimulationTests
{
    [Fact]
    public void Recorded_decisions_are_made_again_run_by_run()
    {
        var agents = Sample.Agents.Replace(
            "max: {amount_cents: 5000}", "history: {at_most: 1}", StringComparison.Ordinal);
        RecordedDecision[] recorded =
        [
            Refund("run_1", 10, Verdict.Allow, CallOutcome.NotSent),
            Refund("run_1", 10, Verdict.Allow, CallOutcome.Succeeded),
            Refund("run_2", 10, Verdict.Allow, CallOutcome.Failed),
            Refund("run_1", 10, Verdict.Allow, CallOutcome.Succeeded),
            Refund("run_2", 9000, Verdict.Deny, null),
            Refund("run_3", 9000, Verdict.Deny, null),
            new("web", null, Calls.Model("large"), Verdict.Allow, []),
        ];

        var report = PolicySimulation.Run(Sample.Bundle(("agents.yaml", agents)), recorded);

        Assert.Equal((7, 2), (report.Decided, report.Changed));
        Assert.Equal(1, report.Counts[(Verdict.Allow, Verdict.Deny)]);
        Assert.Equal(1, report.Counts[(Verdict.Deny, Verdict.Allow)]);
        Assert.Equal([recorded[3], recorded[5]], report.Differences.Select(d => d.Recorded));
        Assert.Contains("at most 1 calls", report.Differences[0].Decision.Reason!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_call_that_was_made_and_would_now_need_approval_still_counts_in_its_run()
    {
        var agents = Sample.Agents.Replace(
            "max: {amount_cents: 5000}", "history: {at_most: 1}\n        approval: true", StringComparison.Ordinal);

        var report = PolicySimulation.Run(
            Sample.Bundle(("agents.yaml", agents)),
            [Refund(
                "run_1",
                10,
                Verdict.Allow,
                CallOutcome.Succeeded), Refund("run_1", 10, Verdict.Allow, CallOutcome.Succeeded)]);

        Assert.Equal([Verdict.RequireApproval, Verdict.Deny], report.Differences.Select(d => d.Decision.Verdict));
    }

    [Fact]
    public void An_audit_lists_what_each_agent_reaches_and_what_nobody_does()
    {
        var bundle = Sample.Bundle(("policies/mine.cedar", """
            @id("not-x") forbid (principal, action == AgentRuntime::Action::"shop/refund", resource)
            when { context.input.order == "X" };
            @id("never") @overrides("grants")
            forbid (principal, action == AgentRuntime::Action::"files/read", resource);
            """));

        var report = PolicyAudit.Run(
            bundle,
            [Refund("run_1", 1, Verdict.Allow, null) with { DeterminingPolicies = ["grant:demo/clerk:shop/refund"] }]);

        Assert.Equal(["files/read", "shop/erase"], report.UnreachableTools.Order(StringComparer.Ordinal));
        var clerk = report.Agents.Single(a => a.Agent == "demo/clerk");
        Assert.Equal(["shop/lookup", "shop/refund"], clerk.Tools.Select(t => t.Name));
        Assert.Empty(clerk.Tools[0].Conditions);
        Assert.Equal("context.input.amount_cents <= 5000", Assert.Single(clerk.Tools[1].Conditions));
        Assert.Equal("not-x", Assert.Single(clerk.Tools[1].Forbids));
        Assert.Equal(["large", "small"], clerk.Models.Select(m => m.Name));
        Assert.DoesNotContain("grant:demo/clerk:shop/refund", report.NeverDecided);
        Assert.Contains("never", report.NeverDecided);
        Assert.Empty(PolicyAudit.Run(bundle).NeverDecided);
    }

    [Fact]
    public void An_analysis_ends_when_nobody_waits_for_it_any_more()
    {
        using var stop = new CancellationTokenSource();
        var seen = 0;
        var recorded = Enumerable.Range(0, 1_000).Select(i =>
        {
            if (++seen == 3)
                stop.Cancel();
            return Refund($"run_{i}", 10, Verdict.Allow, CallOutcome.Succeeded);
        });

        Assert.Throws<OperationCanceledException>(
            () => PolicySimulation.Run(Sample.Bundle(), recorded, null, stop.Token));
        Assert.Equal(3, seen);
        Assert.Throws<OperationCanceledException>(() => PolicyAudit.Run(Sample.Bundle(), null, null, stop.Token));
        Assert.Throws<OperationCanceledException>(() => BundleTests.Run(Sample.Bundle(), null, stop.Token));
    }

    private static RecordedDecision Refund(string run, int cents, Verdict verdict, CallOutcome? outcome) =>
        new(
            "demo/clerk",
            run,
            Calls.Tool("shop/refund", $$"""{"order": "A", "amount_cents": {{cents}}}"""),
            verdict,
            [])
        {
            Outcome = outcome,
        };
}
