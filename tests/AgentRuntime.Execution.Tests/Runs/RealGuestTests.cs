using System.Runtime.CompilerServices;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.TestKit;

namespace AgentRuntime.Execution.Tests;

/// <summary>The demo's agents as real WebAssembly in the real engine, with the real shop.</summary>
public sealed class RealGuestTests : IAsyncLifetime
{
    private const string Ticket =
        """
        {"id":"TCK-02","customer_id":"CUS-003","customer":"Yuki Tanabe","order_id":"ORD-1003","intent":"refund",
         "amount_cents":4250,"text":"The teapot arrived with a crack."}
        """;

    private readonly WasmSandboxEngine _engine = new(ChosenEngine.Create(), new(), TimeProvider.System);
    private RunHost _host = null!;
    private ShopProcess _shop = null!;

    public async Task InitializeAsync()
    {
        _shop = await ShopProcess.StartAsync();
        _host = await RunHost.StartAsync(work: false);
        _host.RealEngine = _engine;
        _host.Policy.Tenant = new TenantPolicy(new QuotaLimits(), [_shop.Server], ShopProcess.Pins);
        await _host.DeployModuleAsync("triage", await File.ReadAllBytesAsync(
            Path.Combine(Repository.Root, "sandboxes", "guests", "dist", "triage.wasm")));
        _host.Restart();
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        await _shop.DisposeAsync();
        _engine.Dispose();
    }

    [Fact]
    public async Task A_ticket_is_looked_up_refunded_and_answered()
    {
        _host.Work();
        var (run, events) = await _host.EndAsync(await _host.StartRunAsync("triage", Ticket));
        Assert.Equal((RunStatus.Succeeded, null), (run.Status, run.Error));
        Assert.Equal("hello", JsonElement.Parse(run.Output!).GetProperty("reply").GetString());
        Assert.Equal(
            ["shop/lookup_order", "shop/refund"], events.OfType<ToolCompleted>().Select(t => t.Tool));
        Assert.Equal(4_250, await RefundedCentsAsync());
        Assert.True(Assert.IsType<RunSucceeded>(events[^1]).Totals.MemoryPeakBytes > 0);
    }

    [Fact]
    public async Task A_real_agent_that_was_interrupted_goes_on_and_refunds_once()
    {
        var asked = new TaskCompletionSource();
        _host.Inference.Answer = (_, token) => HangAsync(asked, token);
        _host.Work();
        var run = await _host.StartRunAsync("triage", Ticket);
        await asked.Task;
        await _host.StopWorkersAsync();

        _host.Inference.Answer = (_, _) => ScriptedInference.Chunks(new InferenceChunk { Text = "back again" });
        _host.Restart();
        _host.Work();
        var (ended, events) = await _host.EndAsync(run);
        Assert.Equal((RunStatus.Succeeded, null), (ended.Status, ended.Error));
        Assert.Equal("back again", JsonElement.Parse(ended.Output!).GetProperty("reply").GetString());
        Assert.Single(events.OfType<RunResumed>());
        Assert.Equal(2, events.OfType<ToolStarted>().Count());
        Assert.Equal(4_250, await RefundedCentsAsync());
    }

    private async Task<long> RefundedCentsAsync()
    {
        var order = Assert.IsType<ToolOutcome.Succeeded>(await _host.Tools.CallAsync(
            _shop.Server,
            new ToolInvocation("lookup_order", JsonElement.Parse("""{"order_id":"ORD-1003"}"""), "check"),
            CancellationToken.None));
        return JsonElement.Parse(order.Content).GetProperty("refunded_cents").GetInt64();
    }

    private static async IAsyncEnumerable<InferenceChunk> HangAsync(
        TaskCompletionSource asked, [EnumeratorCancellation] CancellationToken token)
    {
        asked.TrySetResult();
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        yield break;
    }
}
