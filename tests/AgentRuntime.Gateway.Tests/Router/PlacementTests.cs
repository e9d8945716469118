using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway.Tests;

/// <summary>The desk answers at once what it can, and lets others wait.</summary>
public sealed class PlacementTests : IAsyncLifetime
{
    private readonly ShiftedTime _time = new();
    private readonly TenantId _tenant = TenantId.New(TimeProvider.System);
    private RouteDesk _desk = null!;

    public Task InitializeAsync()
    {
        _desk = new RouteDesk(new EngineRouterOptions(), _time);
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => _desk.DisposeAsync().AsTask();

    [Fact]
    public async Task A_free_engine_is_given_without_a_wait()
    {
        var engine = Add("a", maxRunning: 4);
        var placed = Submit();
        Assert.True(placed.IsCompletedSuccessfully);
        Assert.Same(engine, (await placed).Decode);
    }

    [Fact]
    public async Task A_request_that_waits_is_placed_when_another_ends()
    {
        Add("a", maxRunning: 1);
        var first = await Submit();
        var second = Submit();
        Assert.False(second.IsCompleted);
        _desk.Completed(first, new InferenceUsage(new(4), default, new(1)), cachedKnown: false);
        Assert.Same(first.Decode, (await second.AsTask().WaitAsync(Eventually.Patience)).Decode);
    }

    [Fact]
    public async Task A_request_that_is_given_up_leaves_its_place()
    {
        Add("a", maxRunning: 1);
        var first = await Submit();
        using var stop = new CancellationTokenSource();
        var second = Submit(stop.Token);
        var third = Submit();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.AsTask());
        Assert.False(third.IsCompleted);
        _desk.Completed(first, new InferenceUsage(new(4), default, new(1)), cachedKnown: false);
        await third.AsTask().WaitAsync(Eventually.Patience);
    }

    [Fact]
    public async Task A_refusal_is_thrown_at_once()
    {
        var engine = Add("a", maxRunning: 1);
        engine.MarkUnreachable();
        _desk.Observe(engine);
        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(async () => await Submit());
        Assert.Equal(ReasonCodes.NoEngine, refused.Error.Code);
    }

    [Fact]
    public async Task A_request_that_failed_is_given_another_engine_without_a_wait()
    {
        Add("a", maxRunning: 4);
        Add("b", maxRunning: 4);
        var first = await Submit();
        var second = _desk.RequeueAsync(
            first, RouteFailure.EngineError, outputTokens: 0, colocated: false, CancellationToken.None);
        Assert.True(second.IsCompletedSuccessfully);
        Assert.NotSame(first.Decode, (await second).Decode);
    }

    [Fact]
    public async Task A_request_that_is_placed_at_once_makes_few_bytes()
    {
        Add("a", maxRunning: 64);
        for (var i = 0; i < 2_000; i++)
            await ServeAsync();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            await ServeAsync();

        // The waiter and the placement; no task, no closure.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 1_000, 1, 400);

        async ValueTask ServeAsync()
        {
            var submitted = Submit();
            Assert.True(submitted.IsCompletedSuccessfully);
            var placed = await submitted;
            _desk.FirstToken(placed);
            _desk.Completed(placed, InferenceUsage.None, cachedKnown: false);
        }
    }

    private Engine Add(string name, int maxRunning)
    {
        var engine = new Engine(
            new EngineDescriptor(name, new Uri("http://127.0.0.1:1"), EngineKind.Vllm) { MaxRunning = maxRunning },
            new CircuitBreaker(5, TimeSpan.FromSeconds(5), _time));
        engine.Observe(new EngineHealth(
            true, new Dictionary<string, EngineModel> { ["m"] = new EngineModel("m", 4096) }));
        _desk.Observe(engine);
        return engine;
    }

    private ValueTask<Placement> Submit(CancellationToken cancellationToken = default)
    {
        Assert.True(_desk.TryFind("m", out var home));
        return _desk.SubmitAsync(
            new RouteRequest { Pool = home.Pool, Tenant = _tenant, PromptTokens = 4, ExpectedOutputTokens = 4 },
            home.Adapter,
            cancellationToken);
    }
}
