using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

public sealed class ApprovalTests : IAsyncLifetime
{
    private const string Arguments = """{"amount":1}""";
    private static readonly RunServiceOptions Patient =
        new() { Workers = 2, ApprovalPatience = TimeSpan.FromMinutes(1) };


    private RunHost _host = null!;
    private TestToolServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await TestToolServer.StartAsync();
        _host = await RunHost.StartAsync(Patient);
        Grant(_host);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task An_approved_call_is_made_once_with_what_was_shown()
    {
        var run = await StartAsync(_host);
        var request = await RequestAsync(_host, run);
        Assert.Equal((1, "test/do", Arguments), (request.Call, request.Tool, request.ArgumentsJson));
        Assert.Empty(_server.Calls);
        Assert.Equal(ApprovalOutcome.Recorded, await DecideAsync(_host, run, approved: true));
        var (ended, events) = await _host.EndAsync(run);
        Assert.Equal("done", ended.Output);
        Assert.Single(_server.Calls);
        Assert.Equal(
            [typeof(RunStarted), typeof(ToolDecided), typeof(ApprovalRequested), typeof(ApprovalDecided),
                typeof(ToolStarted), typeof(ToolCompleted), typeof(RunSucceeded)],
            events.Select(e => e.GetType()));
        Assert.Equal(new ApprovalDecided(1, true, "key:key_1", "fine"), events[3]);
    }

    [Fact]
    public async Task Policy_is_told_of_the_approval_and_has_the_last_word()
    {
        var run = await StartAsync(_host);
        await RequestAsync(_host, run);
        _host.Policy.Rule = _ => ScriptedPolicy.Deny(ReasonCodes.ForbiddenByRule);
        await DecideAsync(_host, run, approved: true);
        Assert.Equal("AR2003", (await _host.EndAsync(run)).Run.Output);
        Assert.Equal("test/do", Assert.Single(_host.Policy.Approved));
        Assert.Empty(_server.Calls);
    }

    [Fact]
    public async Task A_refused_call_is_not_made_and_the_agent_reads_why()
    {
        var run = await StartAsync(_host);
        await RequestAsync(_host, run);
        Assert.Equal(ApprovalOutcome.Recorded, await DecideAsync(_host, run, approved: false));
        Assert.Equal("AR2010", (await _host.EndAsync(run)).Run.Output);
        Assert.Empty(_server.Calls);
    }

    [Fact]
    public async Task Of_many_decisions_at_once_one_counts()
    {
        var run = await StartAsync(_host);
        await RequestAsync(_host, run);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => DecideAsync(_host, run, true).AsTask()));
        Assert.Single(outcomes, o => o == ApprovalOutcome.Recorded);
        Assert.Single((await _host.EndAsync(run)).Events.OfType<ApprovalDecided>());
    }

    [Fact]
    public async Task Nobody_of_another_project_or_tenant_can_decide()
    {
        var run = await StartAsync(_host);
        await RequestAsync(_host, run);
        foreach (var (tenant, project) in new[] { ("acme", "side"), ("other", "demo") })
            Assert.Equal(
                ApprovalOutcome.NotFound,
                await DecideAsync(_host, run, approved: true, caller: await _host.CallerOfAsync(tenant, project)));
        Assert.Equal(ApprovalOutcome.NotWaiting, await DecideAsync(_host, run, approved: true, call: 2));
        Assert.Empty(_server.Calls);
    }

    [Fact]
    public async Task When_nobody_answers_in_time_the_answer_is_no()
    {
        await using var host = await RunHost.StartAsync(
            Patient with { ApprovalPatience = TimeSpan.FromMilliseconds(50) });
        Grant(host);
        var run = await StartAsync(host);
        var (ended, events) = await host.EndAsync(run);
        Assert.Equal("AR2005", ended.Output);
        Assert.Equal("AR2005", Assert.IsType<ToolFailed>(events[3]).Error.Code);
        Assert.Empty(_server.Calls);
    }

    [Fact]
    public async Task A_waiting_call_still_waits_after_a_restart()
    {
        var run = await StartAsync(_host);
        await RequestAsync(_host, run);
        await _host.StopWorkersAsync();
        _host.Restart();
        _host.Work();
        while (await DecideAsync(_host, run, approved: true) != ApprovalOutcome.Recorded)
            await Task.Yield();
        var (ended, events) = await _host.EndAsync(run);
        Assert.Equal("done", ended.Output);
        Assert.Single(events.OfType<ApprovalRequested>());
        Assert.Single(_server.Calls);
    }

    [Fact]
    public async Task A_call_that_needs_approval_only_when_it_is_sent_again_waits_after_each_restart()
    {
        var (entered, asked) = (new TaskCompletionSource(), new ConcurrentQueue<DateTimeOffset>());
        _server.Do = async (_, token) =>
        {
            entered.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            return TestToolServer.Text("never");
        };
        _host.Policy.Rule = _ => new Decision(Verdict.Allow, null, null);
        var run = await StartAsync(_host);
        await entered.Task;
        await _host.StopWorkersAsync();
        _server.Do = (_, _) => ValueTask.FromResult(TestToolServer.Text("done"));
        _host.Policy.Rule = call =>
        {
            asked.Enqueue(call.At);
            return new Decision(
                _host.Policy.Approved.Count > 0 ? Verdict.Allow : Verdict.RequireApproval, null, null);
        };
        _host.Restart();
        _host.Work();
        await RequestAsync(_host, run);
        await _host.StopWorkersAsync();
        _host.Restart();
        _host.Work();
        while (await DecideAsync(_host, run, approved: true) != ApprovalOutcome.Recorded)
        {
            var kept = await _host.Service.FindAsync(
                _host.Caller.Tenant, run.Identity.Run!.Value, CancellationToken.None);
            Assert.Null(kept!.EndedAt);
        }
        var (ended, events) = await _host.EndAsync(run);
        Assert.Equal("done", ended.Output);
        Assert.Single(events.OfType<ApprovalRequested>());
        Assert.All(asked, at => Assert.True(at >= ended.CreatedAt));
    }

    [Theory]
    [InlineData(true, "AR2003")]
    [InlineData(false, "AR2010")]
    public async Task What_was_refused_is_not_done_after_a_restart(bool approved, string reason)
    {
        var (told, resume) = (new TaskCompletionSource(), new TaskCompletionSource());
        await _host.DeployAsync("agent", async (_, guest) =>
        {
            var answer = await guest.CallToolAsync("test/do", Arguments);
            told.TrySetResult();
            await resume.Task;
            return answer;
        });
        var run = await _host.StartRunAsync("agent");
        await RequestAsync(_host, run);
        if (approved)
            _host.Policy.Rule = _ => ScriptedPolicy.Deny(ReasonCodes.ForbiddenByRule);
        await DecideAsync(_host, run, approved);
        await told.Task;
        await _host.StopWorkersAsync();
        _host.Restart();
        _host.Policy.Rule = _ => new Decision(Verdict.Allow, null, null);
        resume.SetResult();
        _host.Work();
        Assert.Equal(reason, (await _host.EndAsync(run)).Run.Output);
        Assert.Empty(_server.Calls);
    }

    private void Grant(RunHost host)
    {
        host.Policy.Tenant = new TenantPolicy(
            new QuotaLimits(), [_server.Server], [ScriptedPolicy.Tool("test/do", """{"type":"object"}""")]);
        host.Policy.Rule = _ => new Decision(
            host.Policy.Approved.Count > 0 ? Verdict.Allow : Verdict.RequireApproval, null, null);
    }

    private static async Task<RunRecord> StartAsync(RunHost host)
    {
        await host.DeployAsync("agent", (_, guest) => guest.CallToolAsync("test/do", Arguments));
        return await host.StartRunAsync("agent");
    }

    private static async Task<ApprovalRequested> RequestAsync(RunHost host, RunRecord run)
    {
        await foreach (var e in host.Service.WatchAsync(
            host.Caller.Tenant, run.Identity.Run!.Value, 0, CancellationToken.None))
            if (e.Data is ApprovalRequested request)
                return request;
        throw new InvalidOperationException("the run ended without asking");
    }

    private static ValueTask<ApprovalOutcome> DecideAsync(
        RunHost host, RunRecord run, bool approved, WorkIdentity? caller = null, int call = 1) =>
        host.Service.DecideAsync(
            new RunApproval(caller ?? host.Caller, run.Identity.Run!.Value, call, approved, "fine"),
            CancellationToken.None);
}
