using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;
using static AgentRuntime.Policies.Tests.MemorySample;

namespace AgentRuntime.Policies.Tests;

/// <summary>Plans, audits, explanations, simulations and tests of what bundles say of memory.</summary>
public sealed class MemoryAnalysisTests : IAsyncLifetime
{
    private const string Clerk = "demo/clerk";

    private readonly ManualTime _time = new(Calls.Noon);
    private readonly MemoryBundleStore _store = new();
    private readonly MemoryAuditLog _audit = new();
    private readonly MemoryJournal _journal = new();
    private readonly PolicyDecisionPoint _point;
    private readonly PolicyAnalysis _analysis;
    private readonly DecisionRecords _records;

    public MemoryAnalysisTests()
    {
        _point = new(_store, _time, null, _audit);
        _analysis = new(_point, _store, _audit, _journal, _time);
        _records = new(_audit, _time);
    }

    private static WorkIdentity Caller => Calls.Client("demo");

    private static Dictionary<string, string> ReadOnly { get; } = Bundle((
        "agents.yaml",
        Agents(Grants.Replace("- notes", "- {bucket: notes, access: read, keys: open/}", StringComparison.Ordinal))));

    public async Task InitializeAsync() =>
        Assert.Empty((await _point.ApplyAsync(Caller, Bundle(), default)).Problems);

    public Task DisposeAsync()
    {
        _point.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_plan_shows_changed_grants_with_an_example_of_each_call()
    {
        var plan = await _analysis.PlanAsync(Calls.Tenant, ReadOnly, default);

        Assert.Equal(
            new("agent demo/clerk", "memory notes", "read and write", "read, keys that begin with 'open/'"),
            Assert.Single(plan.Changes));
        Assert.Equal(
            [("read_memory", "notes", "deny", false), ("write_memory", "notes", "deny", false)],
            plan.Decisions.Select(d => (d.Action, d.Resource, d.After, d.Wider)));
        Assert.DoesNotContain("open/", plan.Decisions[0].Example, StringComparison.Ordinal);
        Assert.Contains("key", plan.Decisions[1].Example, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bucket_that_comes_goes_or_changes_is_shown()
    {
        var main = Sample.Main + Buckets.Replace("max_keys: 10", "max_keys: 11", StringComparison.Ordinal);

        var grown = BundlePlanner.Compare(Bundle(), Bundle(("bundle.yaml", main)));
        var gone = BundlePlanner.Compare(Bundle(), Sample.Bundle());

        Assert.Equal(new("memory notes", "max_keys", "10", "11"), Assert.Single(grown.Changes));
        Assert.Empty(grown.Decisions);
        Assert.Contains(new("memory catalogue", "max_value", "65536 bytes", null), gone.Changes);
        Assert.Contains(new("agent demo/clerk", "memory notes", "read and write", null), gone.Changes);
        Assert.Equal(
            [PolicyAction.ReadMemory, PolicyAction.ReadMemory, PolicyAction.WriteMemory],
            gone.Decisions.Select(d => d.Action).Order());
        Assert.Contains(gone.Decisions, d => d.Example.Contains("orders/*", StringComparison.Ordinal));
    }

    [Fact]
    public void A_forbid_by_hand_is_a_difference_too()
    {
        var plan = BundlePlanner.Compare(Bundle(), WithPolicy("""
            @id("careful") forbid (principal, action == AgentRuntime::Action::"write_memory", resource)
            when { context.history.integrity == "untrusted" };
            """));

        var change = Assert.Single(plan.Decisions);
        Assert.Equal((PolicyAction.WriteMemory, "notes", Verdict.Deny), (change.Action, change.Resource, change.After));
        Assert.Contains("untrusted input", change.Example, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_audit_shows_what_each_agent_can_read_and_write_at_most()
    {
        await _point.ApplyAsync(
            Caller,
            WithPolicy("""
                @id("no-locks") forbid (principal, action == AgentRuntime::Action::"write_memory", resource)
                when { context.input.key == "lock" };
                """),
            default);

        var audit = await _analysis.AuditAsync(Calls.Tenant, new(), default);

        var clerk = audit.Agents.Single(a => a.Agent == Clerk).Memory;
        Assert.Equal(
            [("catalogue", true), ("notes", true), ("notes", false)], clerk.Select(m => (m.Name, m.ReadOnly)));
        Assert.Contains(
            "context.input.key like \"orders/", Assert.Single(clerk[0].Conditions), StringComparison.Ordinal);
        Assert.Empty(clerk[1].Conditions);
        Assert.Equal("no-locks", Assert.Single(clerk[2].Forbids));
        Assert.Empty(audit.Agents.Single(a => a.Agent == "demo/idle").Memory);
    }

    [Fact]
    public async Task A_request_that_might_be_made_is_explained()
    {
        var question = new PolicyExplainBody { Agent = Clerk, Memory = new() { Read = "catalogue", Key = "x" } };

        var other = await _analysis.ExplainAsync(Caller, question, default);
        var granted = await _analysis.ExplainAsync(
            Caller,
            question with
            {
                Memory = new() { Write = "notes", Key = "a" },
                History = [new() { Memory = new() { Read = "notes" }, AgoSeconds = 5 }],
            },
            default);
        var impossible = await _analysis.ExplainAsync(
            Caller, question with { History = [new() { Memory = new() { Write = "private", Key = "a" } }] }, default);

        Assert.Equal(("deny", "catalogue"), (other.Verdict, other.Resource));
        var finding = Assert.Single(other.Policies);
        Assert.Equal(("memory:demo/clerk:catalogue:read", "agents.yaml:17:9"), (finding.Id, finding.Where));
        Assert.Contains("like \"orders/", Assert.Single(finding.Unmet), StringComparison.Ordinal);
        Assert.Equal(("allow", null), (granted.Verdict, granted.History));
        Assert.Contains("event 1 of the history is not possible", impossible.History, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_question_about_memory_names_one_bucket()
    {
        PolicyExplainBody[] questions =
        [
            new() { Agent = Clerk, Memory = new() { Key = "a" } },
            new() { Agent = Clerk, Memory = new() { Read = "notes", Write = "notes" } },
            new() { Agent = Clerk, Memory = new() { Read = "notes" }, Model = "small" },
        ];
        foreach (var question in questions)
        {
            var e = await Assert.ThrowsAsync<RuntimeErrorException>(
                async () => await _analysis.ExplainAsync(Caller, question, default));
            Assert.Equal(ReasonCodes.MalformedRequest, e.Error.Code);
        }
    }

    [Fact]
    public async Task A_decision_that_was_made_is_explained_after_what_came_before_it()
    {
        var bundle = WithPolicy("""
            @id("few") forbid (principal, action == AgentRuntime::Action::"write_memory", resource)
            when { context.history.calls >= 1 };
            """);
        await _point.ApplyAsync(Caller, bundle, default);
        var refused = new ErrorResource("AR2003", "no");
        var run = _journal.Add(
            _point.Current(Calls.Tenant)!.Digest,
            (Calls.Noon, new MemoryCompleted(1, "list_keys", "notes", Keys: [])),
            (Calls.Noon, new MemoryCompleted(2, "get", "catalogue", "orders/*1", Found: false)),
            (Calls.Noon, new MemoryCompleted(3, "set", "notes", "a", ValueDigest: "00")),
            (Calls.Noon, new MemoryRefused(4, "delete", "notes", refused, "a")),
            (Calls.Noon, new MemoryRefused(5, "exists", "notes", new("AR8002", "the store is away"), "a")),
            (Calls.Noon, new MemoryRefused(6, "list_keys", "catalogue", new("AR2002", "no"))));
        var id = run.Identity.Run!.Value.ToString();

        var seen = new List<(string, string?, string)>();
        for (var call = 1; call <= 6; call++)
        {
            var answer = await _analysis.ExplainAsync(Caller, new() { Run = id, Call = call }, default);
            seen.Add((answer.Verdict, answer.Recorded, answer.Resource));
        }

        Assert.Equal(
            [
                ("allow", "allow", "notes"), ("allow", "allow", "catalogue"), ("allow", "allow", "notes"),
                ("deny", "deny", "notes"), ("allow", "allow", "notes"), ("deny", "deny", "catalogue"),
            ],
            seen);
    }

    [Fact]
    public async Task Recorded_decisions_are_made_again()
    {
        var run = _point.Current(Calls.Tenant)!.Open(Calls.Agent(Clerk));
        foreach (var call in (PolicyCall[])[Read("notes", "open/a"), Read("notes"), Write("notes", "open/a")])
        {
            var record = _records.Record(Calls.Agent(Clerk), call, run.Decide(call));
            run.Settle(call, CallOutcome.Succeeded);
            _records.Settle(Calls.Agent(Clerk), record, CallOutcome.Succeeded);
        }

        var report = await _analysis.SimulateAsync(Calls.Tenant, new(ReadOnly), default);

        Assert.Equal(
            ["read_memory", "read_memory", "write_memory"],
            _audit.Entries.OfType<DecisionMade>().Select(d => d.Action));
        Assert.Equal((3, 2, 0), (report.Decided, report.Changed, report.Skipped));
        Assert.Equal(["{}", """{"key":"open/a"}"""], report.Differences.Select(d => Text(d.Arguments)));
        Assert.Equal(["allow", "allow"], report.Differences.Select(d => d.Before));

        static string Text(JsonElement? arguments) =>
            arguments!.Value.GetRawText().Replace(" ", "", StringComparison.Ordinal);
    }

    [Fact]
    public void A_bundles_own_tests_ask_about_memory()
    {
        var report = BundleTests.Run(Bundle(("tests/memory.yaml", """
            tests:
              - {name: notes are kept, agent: demo/clerk, memory: {write: notes, key: a}, expect: allow}
              - {name: keys are listed, agent: demo/clerk, memory: {read: notes}, expect: allow}
              - name: other keys are not read
                agent: demo/clerk
                memory: {read: catalogue, key: b}
                history:
                  - {memory: {write: notes, key: a}, ago: 1m, outcome: failed}
                  - {memory: {write: private, key: a}, outcome: denied}
                expect: deny
                code: AR2002
                reason: only at keys that begin with
              - {name: wrong, agent: demo/idle, memory: {read: notes, key: a}, expect: allow}
            """)));

        Assert.Empty(report.Problems);
        Assert.Equal((3, 1), (report.Passed, report.Failed));
        Assert.StartsWith("expected Allow, got Deny", report.Tests[3].Failure, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("memory: {read: notes, write: notes}", "names either a bucket to 'read' or one to 'write'")]
    [InlineData("memory: {key: a}", "names either a bucket to 'read' or one to 'write'")]
    [InlineData("memory: {write: notes}", "what is written has a key")]
    [InlineData("memory: {reed: notes}", "did you mean 'read'?")]
    [InlineData("memory: notes", "'memory' must be a mapping")]
    [InlineData("memory: {read: notes}, model: small", "either a tool ('call'), a 'model' or 'memory' is asked for")]
    public void A_mistake_in_a_test_is_named(string asked, string expected)
    {
        var tests = $"tests:\n  - {{name: t, agent: demo/clerk, {asked}, expect: deny}}\n";

        Assert.Contains(
            Sample.Problems(Bundle(("tests/memory.yaml", tests))), p => p.Contains(expected, StringComparison.Ordinal));
    }
}
