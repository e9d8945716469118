using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Tests;

/// <summary>Questions about bundles, over recorded decisions and a journal.</summary>
public sealed class PolicyAnalysisTests : IAsyncLifetime
{
    private readonly ManualTime _time = new(Calls.Noon);
    private readonly MemoryBundleStore _store = new();
    private readonly MemoryAuditLog _audit = new();
    private readonly MemoryJournal _journal = new();
    private readonly PolicyDecisionPoint _point;
    private readonly PolicyAnalysis _analysis;
    private readonly DecisionRecords _records;
    private BundleDigest _inForce;

    public PolicyAnalysisTests()
    {
        _point = new(_store, _time, null, _audit);
        _analysis = new(_point, _store, _audit, _journal, _time);
        _records = new(_audit, _time);
    }

    private static WorkIdentity Caller => Calls.Client("demo");

    private static Dictionary<string, string> Once { get; } = With("history: {at_most: 1}");

    public async Task InitializeAsync() =>
        _inForce = (await _point.ApplyAsync(Caller, Sample.Bundle(), default)).Bundle!.Value;

    public Task DisposeAsync()
    {
        _point.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_plan_is_made_against_the_bundle_in_force()
    {
        var plan = await _analysis.PlanAsync(Calls.Tenant, With("max: {amount_cents: 9000}"), default);

        Assert.Equal(_inForce.ToString(), plan.Before);
        Assert.Equal(["demo/clerk"], plan.Affected);
        var wider = Assert.Single(plan.Decisions);
        Assert.Equal(("shop/refund", "deny", "allow", true), (wider.Resource, wider.Before, wider.After, wider.Wider));
        Assert.Contains(plan.Changes, c => c.Subject == "agent demo/clerk" && c.What == "grant shop/refund");
    }

    [Fact]
    public async Task A_bundle_that_is_not_valid_is_answered_with_all_of_its_problems()
    {
        var broken = Sample.Bundle(("agents.yaml", "agents:\n  demo/clerk: {tools: [shop/none], modell: x}\n"));

        var plan = await _analysis.PlanAsync(Calls.Tenant, broken, default);
        var simulation = await _analysis.SimulateAsync(Calls.Tenant, new(broken), default);
        var audit = await _analysis.AuditAsync(Calls.Tenant, new() { CompareWith = broken }, default);
        var test = await _analysis.TestAsync(Calls.Tenant, broken, default);
        var explanation = await _analysis.ExplainAsync(
            Caller, new() { Agent = "demo/clerk", Tool = "shop/refund", Files = broken }, default);

        foreach (var answer in new PolicyAnswer[] { plan, simulation, audit, test, explanation })
            Assert.Equal(["AR2007", "AR2007"], answer.Problems!.Select(p => p.Code));
        Assert.All(plan.Problems!, p => Assert.StartsWith("agents.yaml:2:", p.Where, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Recorded_decisions_are_made_again_and_those_without_arguments_are_counted()
    {
        var run = _point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));
        Record(run, Refund(10));
        Record(run, Refund(10));
        Record(run, Refund(9000));
        Record(run, Calls.Tool("shop/refund", $$"""{"order": "{{new string('x', 20_000)}}", "amount_cents": 1}"""));

        var report = await _analysis.SimulateAsync(Calls.Tenant, new(Once), default);

        Assert.Equal((3, 1, 1), (report.Decided, report.Changed, report.Skipped));
        Assert.Equal(
            [new("allow", "allow", 1), new("allow", "deny", 1), new VerdictCount("deny", "deny", 1)], report.Counts);
        var refused = report.Differences[0];
        Assert.Equal((2, "AR2002"), (refused.Call, refused.Reason!.Code));
        Assert.Equal(10, refused.Arguments!.Value.GetProperty("amount_cents").GetInt32());
        _time.Advance(TimeSpan.FromDays(8));
        Assert.Equal(0, (await _analysis.SimulateAsync(Calls.Tenant, new(Once), default)).Decided);
        Assert.Equal(3, (await _analysis.SimulateAsync(Calls.Tenant, new(Once, 9), default)).Decided);
    }

    [Fact]
    public async Task The_same_bundle_decides_alike_also_what_a_person_approved()
    {
        var bundle = With("approval: true");
        await _point.ApplyAsync(Caller, bundle, default);
        var run = _point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));
        var call = Refund(10);
        Record(run, call);
        run.Approve(call, call.At);
        Record(run, call with { }, approved: true);

        var report = await _analysis.SimulateAsync(Calls.Tenant, new(bundle), default);

        Assert.Equal((2, 0), (report.Decided, report.Changed));
    }

    [Fact]
    public async Task What_any_grant_redacts_is_in_no_record()
    {
        var options = new PolicyOptions { HonoursObligations = true };
        using var point = new PolicyDecisionPoint(_store, _time, options, _audit);
        await point.ApplyAsync(
            Caller, With("max: {amount_cents: 5000}\n        obligations: {redact: [order]}"), default);
        var run = point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));

        Record(run, Calls.Tool("shop/refund", """{"order": "secret", "amount_cents": 1}"""));
        Record(run, Calls.Tool("shop/refund", """{"order": "secret", "amount_cents": 9000}"""));

        var text = string.Concat(_audit.Entries.Select(e => JsonSerializer.Serialize(e, WireJson.Default.AuditData)));
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
        Assert.Equal(2, _audit.Entries.OfType<DecisionMade>().Count(d =>
            d.Arguments!.Value.GetProperty("order").GetString() == "[redacted]"));
    }

    [Fact]
    public async Task A_decision_about_an_argument_that_is_redacted_is_not_made_again_without_it()
    {
        var options = new PolicyOptions { HonoursObligations = true };
        using var point = new PolicyDecisionPoint(_store, _time, options, _audit);
        await point.ApplyAsync(
            Caller, With("max: {amount_cents: 5000}\n        obligations: {redact: [order]}"), default);
        var run = point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));

        Record(run, Calls.Tool("shop/refund", """{"order": "A", "amount_cents": 1}"""));
        Record(run, Calls.Tool("shop/lookup", """{"order": "A"}"""));

        var report = await _analysis.SimulateAsync(Calls.Tenant, new(Once), default);
        Assert.Equal((1, 1), (report.Decided, report.Skipped));
    }

    [Theory]
    [InlineData("shop/refund", "max: {amount_cents: 9000}", 1, 0, 1)]
    [InlineData("{call: shop/refund, within: 1h}", "max: {amount_cents: 1}", 1, 0, 1)]
    [InlineData("{call: shop/refund, same: [order]}", "max: {amount_cents: 9000}", 0, 0, 2)]
    [InlineData("shop/refund", "like: {order: 'A*'}", 0, 0, 2)]
    [InlineData("files/read", "max: {amount_cents: 9000}", 1, 1, 1)]
    public async Task A_call_with_a_redacted_argument_is_in_the_history_of_its_run(
        string after, string refunds, int decided, int changed, int skipped)
    {
        var options = new PolicyOptions { HonoursObligations = true };
        using var point = new PolicyDecisionPoint(_store, _time, options, _audit);
        await point.ApplyAsync(
            Caller, With("max: {amount_cents: 5000}\n        obligations: {redact: [order]}"), default);
        var run = point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));
        Record(run, Refund(1));
        Record(run, Calls.Tool("shop/lookup", """{"order": "A"}"""));
        var bundle = With(refunds);
        bundle["agents.yaml"] = bundle["agents.yaml"].Replace(
            "- shop/lookup", $"- {{tool: shop/lookup, history: {{after: {after}}}}}", StringComparison.Ordinal);

        var report = await _analysis.SimulateAsync(Calls.Tenant, new(bundle), default);

        Assert.Equal((decided, changed, skipped), (report.Decided, report.Changed, report.Skipped));
    }

    [Theory]
    [InlineData("max: {amount_cents: 9000}", 1)]
    [InlineData("history: {at_most: 5}", 0)]
    public async Task What_follows_a_call_of_which_nothing_is_known_is_decided_where_no_history_counts(
        string refunds, int decided)
    {
        var run = _point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));
        Record(run, Calls.Tool("shop/refund", $$"""{"order": "{{new string('x', 20_000)}}", "amount_cents": 1}"""));
        Record(run, Refund(10));

        var report = await _analysis.SimulateAsync(Calls.Tenant, new(With(refunds)), default);

        Assert.Equal((decided, 2 - decided), (report.Decided, report.Skipped));
    }

    [Fact]
    public async Task An_audit_names_what_decided_nothing_in_the_days_that_it_looks_at()
    {
        Record(_point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk")), Refund(10));
        _time.Advance(TimeSpan.FromDays(2));

        var wide = await _analysis.AuditAsync(Calls.Tenant, new() { Days = 3, CompareWith = Once }, default);
        var narrow = await _analysis.AuditAsync(Calls.Tenant, new() { Days = 1 }, default);

        Assert.Equal((1, 0), (wide.Decisions, narrow.Decisions));
        Assert.DoesNotContain("grant:demo/clerk:shop/refund", wide.NeverDecided);
        Assert.Contains("grant:demo/clerk:shop/refund", narrow.NeverDecided);
        Assert.Contains("shop/erase", wide.UnreachableTools);
        Assert.Null(narrow.Differences);
        Assert.Contains(wide.Differences!, d => d.Resource == "shop/refund" && d.Wider);
    }

    [Fact]
    public async Task A_shadow_is_asked_what_it_would_have_decided_differently()
    {
        Assert.Null(await _analysis.ShadowAsync(Calls.Tenant, default));
        Record(_point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk")), Refund(9000));
        _time.Advance(TimeSpan.FromSeconds(1));
        await _point.BeginShadowAsync(Caller, Once, default);
        var run = _point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));
        Record(run, Refund(10));
        Record(run, Refund(10));

        var report = (await _analysis.ShadowAsync(Calls.Tenant, default))!;
        var status = await _analysis.StatusAsync(Calls.Tenant, default);

        Assert.Equal((2, 1), (report.Decided, report.Changed));
        Assert.Equal(("allow", "deny"), (report.Differences[0].Before, report.Differences[0].After));
        Assert.Equal("AR2002", report.Differences[0].Reason!.Code);
        Assert.Equal((1, report.Bundle), (status.InForce!.Version, status.Shadow!.Bundle));
    }

    [Fact]
    public async Task A_recorded_decision_is_explained_under_the_bundle_and_after_the_calls_of_its_run()
    {
        await _point.ApplyAsync(Caller, Once, default);
        var once = _point.Current(Calls.Tenant)!.Digest;
        const string arguments = """{"order": "A", "amount_cents": 10}""";
        var run = _journal.Add(
            once,
            (Calls.Noon, new ChatStarted(1, "small", 10)),
            (Calls.Noon, new ToolDecided(2, "shop/refund", arguments, "allow", [])),
            (Calls.Noon, new ToolStarted(2, "shop/refund", "k")),
            (Calls.Noon, new ToolCompleted(2, "shop/refund", "ok", 1)),
            (Calls.Noon, new ToolDecided(3, "shop/refund", arguments, "deny", [])));
        await _point.ApplyAsync(Caller, Sample.Bundle(), default);
        var id = run.Identity.Run!.Value.ToString();

        var first = await _analysis.ExplainAsync(Caller, new() { Run = id, Call = 2 }, default);
        var second = await _analysis.ExplainAsync(Caller, new() { Run = id, Call = 3 }, default);
        var chat = await _analysis.ExplainAsync(Caller, new() { Run = id, Call = 1 }, default);
        var now = await _analysis.ExplainAsync(Caller, new() { Run = id, Call = 3, Files = Sample.Bundle() }, default);

        Assert.Equal(("allow", "allow", once.ToString()), (first.Verdict, first.Recorded, first.Bundle));
        Assert.Equal(("deny", "deny"), (second.Verdict, second.Recorded));
        Assert.Contains("at most 1 calls", second.Policies[0].Unmet[0], StringComparison.Ordinal);
        Assert.Equal(("allow", "small"), (chat.Verdict, chat.Resource));
        Assert.Equal(("allow", "deny"), (now.Verdict, now.Recorded));
    }

    [Theory]
    [InlineData(null, "deny")]
    [InlineData(true, "allow")]
    public async Task A_call_that_was_never_sent_does_not_count_in_an_explanation_either(bool? notSent, string verdict)
    {
        await _point.ApplyAsync(Caller, Once, default);
        const string arguments = """{"order": "A", "amount_cents": 10}""";
        var run = _journal.Add(
            _point.Current(Calls.Tenant)!.Digest,
            (Calls.Noon, new ToolDecided(1, "shop/refund", arguments, "allow", [])),
            (Calls.Noon, new ToolStarted(1, "shop/refund", "k")),
            (Calls.Noon, new ToolFailed(1, "shop/refund", new("AR5001", "gone"), 1, notSent)),
            (Calls.Noon, new ToolDecided(2, "shop/refund", arguments, verdict, [])));
        var id = run.Identity.Run!.Value.ToString();

        var second = await _analysis.ExplainAsync(Caller, new() { Run = id, Call = 2 }, default);

        Assert.Equal((verdict, verdict), (second.Verdict, second.Recorded));
    }

    [Fact]
    public async Task A_decision_that_a_person_approved_is_explained_with_the_approval()
    {
        var bundle = With("approval: true");
        await _point.ApplyAsync(Caller, bundle, default);
        const string arguments = """{"order": "A", "amount_cents": 10}""";
        var run = _journal.Add(
            _point.Current(Calls.Tenant)!.Digest,
            (Calls.Noon, new ToolDecided(1, "shop/refund", arguments, "require_approval", [])),
            (Calls.Noon, new ApprovalRequested(1, "shop/refund", arguments, Calls.Noon)),
            (Calls.Noon.AddSeconds(5), new ApprovalDecided(1, true, "key:key_2")),
            (Calls.Noon.AddSeconds(5), new ToolCompleted(1, "shop/refund", "ok", 1)),
            (Calls.Noon.AddSeconds(6), new ToolDecided(2, "shop/refund", arguments, "require_approval", [])));
        var id = run.Identity.Run!.Value.ToString();

        var approved = await _analysis.ExplainAsync(Caller, new() { Run = id, Call = 1 }, default);
        var waiting = await _analysis.ExplainAsync(Caller, new() { Run = id, Call = 2 }, default);

        Assert.Equal(("allow", "require_approval, then approved"), (approved.Verdict, approved.Recorded));
        Assert.Equal(("require_approval", "require_approval"), (waiting.Verdict, waiting.Recorded));
    }

    [Fact]
    public async Task Nobody_elses_run_is_explained_and_no_call_that_was_not_decided()
    {
        var run = _journal.Add(_inForce, (Calls.Noon, new ChatStarted(1, "small", 10)));
        var gone = _journal.Add(BundleDigest.Of([9]), (Calls.Noon, new ChatStarted(1, "small", 10)));
        var other = Caller with { Project = new(new Guid("01900000-0000-7000-8000-00000000000c")) };
        var stranger = Caller with { Tenant = new(new Guid("01900000-0000-7000-8000-00000000000d")) };

        Assert.Equal("AR2017", await RefusalAsync(Caller, Ask(run, 2)));
        Assert.Equal("AR2017", await RefusalAsync(Caller, Ask(gone, 1)));
        Assert.Equal("AR1007", await RefusalAsync(other, Ask(run, 1)));
        Assert.Equal("AR1007", await RefusalAsync(stranger, Ask(run, 1)));
        Assert.Equal("AR1004", await RefusalAsync(Caller, new() { Run = "run_1", Call = 1 }));
        Assert.Equal("AR1004", await RefusalAsync(Caller, new() { Tool = "shop/refund" }));
        Assert.Equal("AR1004", await RefusalAsync(Caller, new() { Agent = "demo/clerk" }));
        Assert.Equal("AR2001", await RefusalAsync(stranger, new() { Agent = "demo/clerk", Tool = "shop/refund" }));
    }

    [Fact]
    public async Task A_request_that_might_be_made_is_explained_after_a_history()
    {
        var arguments = JsonElement.Parse("""{"order": "A", "amount_cents": 10}""");
        var question = new PolicyExplainBody
        {
            Agent = "demo/clerk", Tool = "shop/refund", Arguments = arguments, Files = Once,
        };

        var first = await _analysis.ExplainAsync(Caller, question, default);
        var second = await _analysis.ExplainAsync(
            Caller,
            question with
            {
                History = [new() { Tool = "shop/refund", Arguments = arguments, AgoSeconds = 60, Outcome = "failed" }],
            },
            default);

        Assert.Equal(("allow", "deny"), (first.Verdict, second.Verdict));
        Assert.Null(second.Recorded);
    }

    [Fact]
    public async Task A_history_that_holds_null_is_a_malformed_question()
    {
        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(async () => await _analysis.ExplainAsync(
            Caller,
            new PolicyExplainBody { Agent = "demo/clerk", Tool = "shop/refund", History = [null!] },
            default));
        Assert.Equal(ReasonCodes.MalformedRequest, refused.Error.Code);
    }

    [Fact]
    public async Task Decisions_are_listed_page_by_page()
    {
        var run = _point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));
        for (var i = 1; i <= 5; i++)
            Record(run, Refund(i));

        var first = await _analysis.DecisionsAsync(Calls.Tenant, null, 3, default);
        var second = await _analysis.DecisionsAsync(Calls.Tenant, first.NextPageToken, 3, default);

        Assert.Equal([5, 4, 3], first.Decisions.Select(d => d.Made.Call));
        Assert.Equal([2, 1], second.Decisions.Select(d => d.Made.Call));
        Assert.Null(second.NextPageToken);
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await _analysis.DecisionsAsync(Calls.Tenant, "x", 3, default));
        Assert.Equal(ReasonCodes.MalformedRequest, e.Error.Code);
    }

    private static Dictionary<string, string> With(string condition) => Sample.Bundle((
        "agents.yaml",
        Sample.Agents.Replace("max: {amount_cents: 5000}", condition, StringComparison.Ordinal)));

    private static PolicyCall Refund(int cents) =>
        Calls.Tool("shop/refund", $$"""{"order": "A", "amount_cents": {{cents}}}""");

    private static PolicyExplainBody Ask(RunRecord run, int call) =>
        new() { Run = run.Identity.Run.ToString(), Call = call };

    private async Task<string> RefusalAsync(WorkIdentity caller, PolicyExplainBody question) =>
        (await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await _analysis.ExplainAsync(caller, question, default))).Error.Code.ToString();

    private void Record(IRunPolicy run, PolicyCall call, bool approved = false)
    {
        var decision = run.Decide(call);
        var number = _audit.Entries.OfType<DecisionMade>().Count() + 1;
        var record = _records.Record(Calls.Agent("demo/clerk"), call, decision, number, approved);
        if (decision.Verdict != Verdict.Allow)
            return;
        run.Settle(call, CallOutcome.Succeeded);
        _records.Settle(Calls.Agent("demo/clerk"), record, CallOutcome.Succeeded);
    }
}
