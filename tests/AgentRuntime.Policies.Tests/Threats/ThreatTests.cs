using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Tests;

/// <summary>Threat rules at the decision point: what fires them, what they do, and how long it lasts.</summary>
public sealed class ThreatTests : IDisposable
{
    private const string Agent = "demo/clerk";

    private readonly ManualTime _time = new(Calls.Noon);
    private readonly MemoryBundleStore _store = new();
    private readonly MemoryAuditLog _audit = new();
    private readonly PolicyDecisionPoint _point;

    public ThreatTests() => _point = new(_store, _time, null, _audit);

    private static WorkIdentity Caller => Calls.Client("demo");

    public void Dispose() => _point.Dispose();

    [Fact]
    public async Task A_run_that_is_denied_too_often_is_ended()
    {
        await ApplyAsync("when: {denials: 3, within: 1m}\n    then: kill_run\n    reason: it probes");
        var run = Open();

        Assert.Equal(["AR2002", "AR2002", "AR2014"], Denied(run, 3).Select(Code));
        var after = run.Decide(Lookup());

        Assert.Equal(("AR2014", true), (Code(after), after.EndsRun));
        Assert.Contains("3 denials within 1m of one run (it probes)", after.Reason!.Message, StringComparison.Ordinal);
        Assert.Equal(Verdict.Allow, Open().Decide(Lookup()).Verdict);
    }

    [Fact]
    public async Task Denials_that_lie_further_apart_than_the_window_fire_nothing()
    {
        await ApplyAsync("when: {denials: 2, within: 10s}\n    then: kill_run");
        var run = Open();
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal("AR2002", Code(Denied(run, 1)[0]));
            _time.Advance(TimeSpan.FromSeconds(11));
        }

        Assert.Equal(["AR2002", "AR2014"], Denied(run, 2).Select(Code));
    }

    [Fact]
    public async Task An_agent_in_quarantine_does_nothing_in_any_run_until_its_time_is_over()
    {
        await ApplyAsync("when: {denials: 2, within: 1m, of: agent}\n    then: quarantine_agent\n    for: 10m");
        var other = Open();
        Denied(Open(), 1);
        Denied(Open(), 1);

        var decision = other.Decide(Lookup());
        var refusal = _point.Current(Calls.Tenant)!.RefusalToStart(Calls.Agent(Agent), _time.GetUtcNow());

        Assert.Equal(("AR2013", false), (Code(decision), decision.EndsRun));
        Assert.Equal(TimeSpan.FromMinutes(10), decision.Reason!.RetryAfter);
        Assert.Equal(ReasonCodes.AgentQuarantined, refusal!.Code);
        Assert.Null(_point.Current(Calls.Tenant)!.RefusalToStart(Calls.Agent("demo/idle"), _time.GetUtcNow()));
        _time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(Verdict.Allow, other.Decide(Lookup()).Verdict);
    }

    [Fact]
    public async Task A_quarantine_outlives_the_bundle_the_process_and_ends_when_somebody_lifts_it()
    {
        await ApplyAsync("when: {denials: 1}\n    then: quarantine_agent\n    for: 1h");
        Denied(Open(), 1);
        await _point.ApplyAsync(Calls.Tenant, Sample.Bundle(), CancellationToken.None);
        Assert.Equal("AR2013", Code(Open().Decide(Lookup())));

        using var restarted = new PolicyDecisionPoint(_store, _time, null, _audit);
        await restarted.LoadAsync(CancellationToken.None);
        var run = restarted.Current(Calls.Tenant)!.Open(Calls.Agent(Agent));
        Assert.Equal("AR2013", Code(run.Decide(Lookup())));
        Assert.Equal("rule", Assert.Single(restarted.Threats(Calls.Tenant)).Hold.Rule);

        Assert.True(restarted.LiftThreats(Caller, Agent));
        Assert.False(restarted.LiftThreats(Caller, Agent));
        Assert.Equal(Verdict.Allow, run.Decide(Lookup()).Verdict);
        using var again = new PolicyDecisionPoint(_store, _time, null, _audit);
        await again.LoadAsync(CancellationToken.None);
        Assert.Empty(again.Threats(Calls.Tenant));
        Assert.Equal(["quarantine_agent", "lift"], _audit.Entries.OfType<ThreatFound>().Select(t => t.Effect));
    }

    [Fact]
    public async Task A_quarantine_outlives_the_process_however_much_was_recorded_since()
    {
        await ApplyAsync("when: {denials: 1}\n    then: quarantine_agent\n    for: 1h");
        Denied(Open(), 1);
        for (var i = 0; i <= AuditQuery.MaxLimit; i++)
            _audit.TryAppend(new(Calls.Tenant, _time.GetUtcNow(), new ThreatFound("other", "warn", Agent, "probing")));

        using var restarted = new PolicyDecisionPoint(_store, _time, null, _audit);
        await restarted.LoadAsync(CancellationToken.None);

        Assert.Equal("rule", Assert.Single(restarted.Threats(Calls.Tenant)).Hold.Rule);
    }

    [Fact]
    public async Task Throttled_calls_go_through_at_the_pace_of_the_rule()
    {
        await ApplyAsync("when: {failures: 2, within: 1m}\n    then: throttle\n    pace: 10s\n    for: 1m");
        var run = Open();
        Fail(run);
        Fail(run);

        Assert.Equal(Verdict.Allow, run.Decide(Lookup()).Verdict);
        var soon = run.Decide(Lookup());
        _time.Advance(TimeSpan.FromSeconds(4));
        var sooner = run.Decide(Lookup());
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal(("AR2012", TimeSpan.FromSeconds(10)), (Code(soon), soon.Reason!.RetryAfter));
        Assert.Equal(TimeSpan.FromSeconds(6), sooner.Reason!.RetryAfter);
        Assert.Equal(Verdict.Allow, run.Decide(Lookup()).Verdict);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(Verdict.Allow, run.Decide(Lookup()).Verdict);
        Assert.Equal(Verdict.Allow, run.Decide(Lookup()).Verdict);
    }

    [Fact]
    public async Task A_clock_that_steps_back_holds_throttled_calls_up_for_no_longer_than_the_pace()
    {
        await ApplyAsync("when: {failures: 2, within: 1m}\n    then: throttle\n    pace: 10s\n    for: 1d");
        var run = Open();
        Fail(run);
        Fail(run);
        Assert.Equal(Verdict.Allow, run.Decide(Lookup()).Verdict);

        _time.Advance(TimeSpan.FromHours(-1));
        Assert.Equal(TimeSpan.FromSeconds(10), run.Decide(Lookup()).Reason!.RetryAfter);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(Verdict.Allow, run.Decide(Lookup()).Verdict);
    }

    [Fact]
    public async Task A_call_that_a_person_approved_waits_for_no_pace()
    {
        await _point.ApplyAsync(
            Calls.Tenant,
            Sample.Bundle(
                ("bundle.yaml", Sample.Main + "\nthreats:\n  rule: {when: {failures: 1}, then: throttle, pace: 10s}\n"),
                ("agents.yaml", Sample.Agents.Replace(
                    "max: {amount_cents: 5000}", "approval: true", StringComparison.Ordinal))),
            CancellationToken.None);
        var run = Open();
        Fail(run);
        Assert.Equal(Verdict.RequireApproval, run.Decide(Refund()).Verdict);

        run.Approve(Refund(), _time.GetUtcNow());

        Assert.Equal(Verdict.Allow, run.Decide(Refund()).Verdict);
        Assert.Equal("AR2012", Code(run.Decide(Refund())));
    }

    [Fact]
    public async Task Nobody_looks_for_an_approval_where_no_pace_holds()
    {
        var call = Calls.Tool("shop/lookup", $$"""{"order": "{{new string('x', 200_000)}}"}""");
        var without = AllocatedBy(Sample.Snapshot(Sample.Bundle()).Open(Calls.Agent(Agent)));
        await ApplyAsync("when: {denials: 1}\n    then: throttle");

        Assert.InRange(AllocatedBy(Open()), 0, without + 100_000);

        long AllocatedBy(IRunPolicy run)
        {
            run.Approve(Refund(), Calls.Noon);
            run.Decide(call with { });
            var before = GC.GetAllocatedBytesForCurrentThread();
            run.Decide(call with { });
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public async Task No_run_of_an_agent_in_quarantine_starts_while_there_is_a_shadow()
    {
        await ApplyAsync("when: {denials: 1}\n    then: quarantine_agent\n    for: 10m");
        await _point.BeginShadowAsync(Caller, Sample.Bundle(), CancellationToken.None);
        Denied(Open(), 1);

        var refusal = _point.Current(Calls.Tenant)!.RefusalToStart(Calls.Agent(Agent), _time.GetUtcNow());

        Assert.Equal(ReasonCodes.AgentQuarantined, refusal!.Code);
    }

    [Fact]
    public async Task A_rule_that_asks_for_a_person_lets_an_approved_call_through_once()
    {
        await ApplyAsync("when: {denials: 1}\n    then: require_approval");
        var run = Open();
        Denied(run, 1);
        var call = Lookup();

        var asked = run.Decide(call);
        run.Approve(call, _time.GetUtcNow());

        Assert.Equal((Verdict.RequireApproval, "AR2005"), (asked.Verdict, Code(asked)));
        Assert.Equal(Verdict.Allow, run.Decide(call with { }).Verdict);
        Assert.Equal(Verdict.RequireApproval, run.Decide(call with { }).Verdict);
        Assert.Equal(Verdict.Allow, run.Decide(Calls.Model("small")).Verdict);
    }

    [Fact]
    public async Task A_warning_changes_nothing_and_is_recorded()
    {
        await ApplyAsync("when: {denials: 2}\n    then: warn");
        var run = Open();

        Denied(run, 2);

        Assert.Equal(Verdict.Allow, run.Decide(Lookup()).Verdict);
        var found = Assert.Single(_audit.Entries.OfType<ThreatFound>());
        Assert.Equal(("rule", "warn", Agent, false), (found.Rule, found.Effect, found.Agent, found.OfAgent));
        Assert.Equal(run.Bundle.ToString(), found.Bundle);
    }

    [Theory]
    [InlineData("tools: [shop/lookup]")]
    [InlineData("codes: [AR2008]")]
    public async Task A_rule_counts_only_what_it_names(string only)
    {
        await ApplyAsync($"when: {{denials: 1, {only}}}\n    then: kill_run");
        var run = Open();

        Assert.Equal(["AR2002", "AR2002"], Denied(run, 2).Select(Code));
        Assert.Equal("AR2014", Code(run.Decide(Calls.Tool(
            only.StartsWith("tools", StringComparison.Ordinal) ? "shop/lookup" : "shop/none"))));
    }

    [Fact]
    public async Task A_rule_watches_the_agents_that_it_names()
    {
        await ApplyAsync("when: {denials: 1}\n    then: kill_run\n    agents: [demo/idle]");

        Assert.Equal(["AR2002", "AR2002"], Denied(Open(), 2).Select(Code));
        Assert.Equal(["AR2014"], Denied(Open("demo/idle"), 1).Select(Code));
    }

    [Fact]
    public async Task Calls_that_are_told_again_after_a_restart_are_in_the_history_whatever_holds_now()
    {
        var rule = "\nthreats:\n  rule: {when: {denials: 1}, then: quarantine_agent}\n";
        await _point.ApplyAsync(
            Calls.Tenant,
            Sample.Bundle(
                ("bundle.yaml", Sample.Main + rule),
                ("agents.yaml", Sample.Agents.Replace(
                    "max: {amount_cents: 5000}", "history: {at_most: 1}", StringComparison.Ordinal))),
            CancellationToken.None);
        Denied(Open(), 1);
        var continued = Open();
        var past = Refund() with { IsReplay = true };

        Assert.Equal(Verdict.Allow, continued.Decide(past).Verdict);
        continued.Settle(past, CallOutcome.Failed);
        Assert.Equal("AR2013", Code(continued.Decide(Refund())));
        _point.LiftThreats(Caller, Agent);

        Assert.Contains(
            "at most 1 calls", continued.Decide(Refund()).Reason!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_counted_agrees_with_a_naive_model()
    {
        var random = new Random(11);
        for (var round = 0; round < 50; round++)
        {
            var rule = new ThreatRule(
                "r", ThreatSignal.Denials, random.Next(1, 6), TimeSpan.FromSeconds(random.Next(1, 20)), false,
                ThreatEffect.Warn, TimeSpan.FromMinutes(1), default);
            var counter = new ThreatCounter(rule);
            var seen = new List<DateTimeOffset>();
            var at = Calls.Noon;
            for (var i = 0; i < 200; i++)
            {
                at += TimeSpan.FromSeconds(random.Next(0, 6));
                seen.Add(at);
                var expected = seen.Count(t => at - t <= rule.Within) >= rule.Count;
                Assert.Equal(expected, counter.Add(at));
                if (expected)
                    seen.Clear();
            }
        }
    }

    [Theory]
    [InlineData("when: {denials: 1, failures: 2}\n    then: warn", "either 'denials' or 'failures'")]
    [InlineData("then: warn", "lacks 'when'")]
    [InlineData("when: {denials: 1}\n    then: quarantine", "did you mean 'quarantine_agent'?")]
    [InlineData("when: {denials: 0}\n    then: warn", "'denials' must be a whole number from 1 to 1000")]
    [InlineData("when: {denials: 1, of: runs}\n    then: warn", "did you mean 'run'?")]
    [InlineData("when: {denials: 1, codes: [2002]}\n    then: warn", "'2002' is no code")]
    [InlineData("when: {denials: 1, tools: [shop/refnd]}\n    then: warn", "did you mean 'shop/refund'?")]
    [InlineData("when: {denials: 1}\n    then: warn\n    agents: [demo/clark]", "did you mean 'demo/clerk'?")]
    [InlineData("when: {denials: 1}\n    then: warn\n    pace: 1s", "'pace' belongs to 'then: throttle'")]
    [InlineData("when: {denials: 1}\n    then: warn\n    until: 1s", "has no 'until'")]
    public void A_mistake_in_a_rule_is_named_with_its_place(string rule, string expected)
    {
        var problem = Assert.Single(Sample.Problems(Bundle(rule)));

        Assert.Contains(expected, problem, StringComparison.Ordinal);
        Assert.Contains("bundle.yaml:", problem, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Bundle(string rule) =>
        Sample.Bundle(("bundle.yaml", $"{Sample.Main}\nthreats:\n  rule:\n    {rule}\n"));

    private async Task ApplyAsync(string rule) => Assert.Empty(
        (await _point.ApplyAsync(Calls.Tenant, Bundle(rule), CancellationToken.None)).Problems);

    private IRunPolicy Open(string agent = Agent) => _point.Current(Calls.Tenant)!.Open(Calls.Agent(agent));

    private PolicyCall Lookup() => Calls.Tool("shop/lookup", """{"order": "A"}""", _time.GetUtcNow());

    private PolicyCall Refund() =>
        Calls.Tool("shop/refund", """{"order": "A", "amount_cents": 1}""", _time.GetUtcNow());

    private List<Decision> Denied(IRunPolicy run, int count) => Enumerable.Range(0, count)
        .Select(_ => run.Decide(Calls.Tool("shop/erase", "{}", _time.GetUtcNow())))
        .ToList();

    private void Fail(IRunPolicy run)
    {
        var call = Lookup();
        Assert.Equal(Verdict.Allow, run.Decide(call).Verdict);
        run.Settle(call, CallOutcome.Failed);
    }

    private static string? Code(Decision decision) => decision.Reason?.Code.ToString();
}
