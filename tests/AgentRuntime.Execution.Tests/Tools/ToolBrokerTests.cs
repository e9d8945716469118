using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>Runs against a tool server that changes, floods or lies.</summary>
public sealed class ToolBrokerTests : IAsyncLifetime
{
    private RunHost _host = null!;
    private TestToolServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await TestToolServer.StartAsync();
        _host = await RunHost.StartAsync(new RunServiceOptions { Workers = 2, MaxToolResultBytes = 100 });
        _server.Schema = """{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}""";
        Pin("""{"required":["a"],"properties":{"a":{"type":"string"}},"type":"object"}""");
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_transport_is_told_whose_agents_call()
    {
        var transport = new RecordingTransport(_host.Policy.Tenant.Tools);
        _host.OtherTools = transport;
        await _host.StopWorkersAsync();
        _host.Restart();
        _host.Work();

        Assert.Equal("recorded", await OutputAsync());
        Assert.Equal([_host.Caller.Tenant, _host.Caller.Tenant], transport.Tenants);
    }

    [Fact]
    public async Task A_schema_that_says_the_same_in_another_order_is_the_approved_one() =>
        Assert.Equal("done", await OutputAsync());

    [Fact]
    public async Task A_tool_whose_schema_changed_is_not_called()
    {
        _server.Schema =
            """{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"]}""";
        Assert.Equal("AR5007", await OutputAsync());
        Assert.Empty(_server.Calls);
        Assert.Equal([("test/do", CallOutcome.NotSent)], _host.Policy.Settled);
    }

    [Fact]
    public async Task A_tool_that_the_server_dropped_is_not_called()
    {
        _host.Policy.Tenant = _host.Policy.Tenant with
        {
            Tools = [ScriptedPolicy.Tool("test/gone", """{"type":"object"}""")],
        };
        var (run, _) = await _host.RunAsync((_, guest) => guest.CallToolAsync("test/gone", "{}"));
        Assert.Equal("AR5004", run.Output);
        Assert.Empty(_server.Calls);
    }

    [Fact]
    public async Task A_result_that_is_too_large_is_dropped_but_counts_as_done()
    {
        _server.Do = (_, _) => ValueTask.FromResult(TestToolServer.Text(new string('x', 101)));
        Assert.Equal("AR5006", await OutputAsync());
        Assert.Equal([("test/do", CallOutcome.Succeeded)], _host.Policy.Settled);
    }

    [Fact]
    public async Task A_result_that_was_cut_off_on_its_way_counts_as_done_too()
    {
        _server.Do = (_, _) => ValueTask.FromResult(TestToolServer.Text(new string('x', 2 << 20)));
        Assert.Equal("AR5006", await OutputAsync());
        Assert.Equal([("test/do", CallOutcome.Succeeded)], _host.Policy.Settled);
    }

    [Fact]
    public async Task A_result_of_just_the_allowed_size_arrives()
    {
        _server.Do = (_, _) => ValueTask.FromResult(TestToolServer.Text(new string('x', 100)));
        Assert.Equal(100, (await OutputAsync()).Length);
    }

    [Fact]
    public async Task The_arguments_that_policy_puts_in_place_are_the_ones_that_are_sent()
    {
        _host.Policy.Rule = _ => new Decision(Verdict.Allow, null, null)
        {
            Arguments = JsonElement.Parse("""{"a":"redacted"}"""),
        };
        Assert.Equal("done", await OutputAsync());
        Assert.Equal("redacted", Assert.Single(_server.Calls).Arguments!["a"].GetString());
    }

    [Fact]
    public async Task Each_call_of_a_run_has_a_key_of_its_own()
    {
        await _host.RunAsync(async (_, guest) =>
        {
            await guest.CallToolAsync("test/do", """{"a":"1"}""");
            await guest.CallAsync(new HostCall.ListTools());
            return await guest.CallToolAsync("test/do", """{"a":"2"}""");
        });
        Assert.Equal(
            [":1", ":3"], _server.Calls.Select(c => ((string)c.Meta!["idempotencyKey"]!)[^2..]));
    }

    [Fact]
    public async Task What_a_guest_makes_up_leaves_little_in_the_journal()
    {
        var name = new string('n', 1 << 20);
        var (run, events) = await _host.RunAsync(async (_, guest) =>
            await guest.CallToolAsync(name, "{}") + await guest.CallToolAsync("test/do", new string('[', 1 << 20)));

        Assert.Equal("AR5004AR5005", run.Output);
        var decided = events.OfType<ToolDecided>().ToList();
        Assert.Equal(name[..256] + "…", decided[0].Tool);
        Assert.Equal(new string('[', 4_096) + "…", decided[1].ArgumentsJson);
        Assert.True(decided.Sum(EventText.Length) < 10_000);
    }

    [Fact]
    public async Task A_cancelled_run_cancels_its_call_and_the_intent_stays_in_the_journal()
    {
        var entered = new TaskCompletionSource();
        var left = new TaskCompletionSource();
        _server.Do = async (_, token) =>
        {
            entered.TrySetResult();
            token.UnsafeRegister(static s => ((TaskCompletionSource)s!).TrySetResult(), left);
            await left.Task;
            return TestToolServer.Text("too late");
        };
        await _host.DeployAsync("agent", (_, guest) => guest.CallToolAsync("test/do", """{"a":"1"}"""));
        var run = await _host.StartRunAsync("agent");
        await entered.Task;
        await _host.Service.CancelAsync(_host.Caller.Tenant, run.Identity.Run!.Value, CancellationToken.None);
        var (ended, events) = await _host.EndAsync(run);
        Assert.Equal(RunStatus.Cancelled, ended.Status);
        Assert.Contains(events, e => e is ToolStarted);
        Assert.DoesNotContain(events, e => e is ToolCompleted);
        Assert.Equal([("test/do", CallOutcome.Failed)], _host.Policy.Settled);
        left.TrySetResult();
    }

    private void Pin(string schema) => _host.Policy.Tenant = new TenantPolicy(
        new QuotaLimits(), [_server.Server], [ScriptedPolicy.Tool("test/do", schema)]);

    private async Task<string> OutputAsync()
    {
        var (run, _) = await _host.RunAsync((_, guest) => guest.CallToolAsync("test/do", """{"a":"1"}"""));
        return run.Output!;
    }

    private sealed class RecordingTransport(IReadOnlyList<ToolDescriptor> tools) : IToolTransport
    {
        public List<TenantId> Tenants { get; } = [];

        public ValueTask<IReadOnlyList<ToolDescriptor>> ListAsync(
            ToolServer server, CancellationToken cancellationToken)
        {
            Tenants.Add(server.Tenant);
            return new(tools);
        }

        public ValueTask<ToolOutcome> CallAsync(
            ToolServer server, ToolInvocation invocation, CancellationToken cancellationToken)
        {
            Tenants.Add(server.Tenant);
            return new(new ToolOutcome.Succeeded("recorded"));
        }
    }
}
