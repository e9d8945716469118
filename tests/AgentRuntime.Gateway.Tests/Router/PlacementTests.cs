using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;
using AgentRuntime.TestKit;

namespace AgentRuntime.Gateway.Tests;

/// <summary>The desk answers at once what it can, and lets others wait.</summary>
public sealed class PlacementTests : IAsyncLifetime
{
    private readonly StumblingTime _time = new();
    private readonly Complaints _complaints = new();
    private readonly TenantId _tenant = TenantId.New(TimeProvider.System);
    private RouteDesk _desk = null!;

    public Task InitializeAsync()
    {
        _desk = new RouteDesk(
            new EngineRouterOptions { Routing = new() { MaxWaiting = 2 } }, _time, _complaints);
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
    public async Task A_model_that_has_had_no_engine_for_an_hour_is_forgotten()
    {
        var engine = Add("a", maxRunning: 1);
        var late = Request(_tenant);
        engine.MarkRemoved();
        _desk.Observe(engine);
        var ticks = _time.Reads;
        await Eventually.BecomesTrueAsync(() => _time.Reads > ticks + 3);
        Assert.True(_desk.TryFind("m", out _));

        _time.Advance(TimeSpan.FromHours(1));
        await Eventually.BecomesTrueAsync(() => !_desk.TryFind("m", out _));

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await _desk.SubmitAsync(late, null, CancellationToken.None));
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
    public async Task A_second_engine_is_asked_for_only_where_nobody_waits_for_it()
    {
        Add("a", maxRunning: 1);
        Add("b", maxRunning: 1);
        var flood = TenantId.New(TimeProvider.System);
        var first = await Submit();
        var beside = Beside(first);
        Assert.NotNull(beside);
        Assert.NotSame(first.Decode, beside.Decode);
        _desk.Failed(beside, RouteFailure.Superseded, 0);
        await Submit(flood);
        Task[] waiting = [Submit(flood).AsTask(), Submit(flood).AsTask()];

        Assert.Null(Beside(first));

        Assert.All(waiting, w => Assert.False(w.IsCompleted));
        Assert.Empty(_desk.Standings(null));
    }

    [Fact]
    public async Task A_timer_that_fails_goes_on_and_says_so_once_in_a_while()
    {
        Add("a", maxRunning: 1);
        await Submit();
        var second = Submit();
        for (var i = 0; i < 3; i++)
        {
            _time.Stumbles = true;
            await Eventually.BecomesTrueAsync(() => !_time.Stumbles);
        }

        _time.Advance(TimeSpan.FromSeconds(31));

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => second.AsTask().WaitAsync(Eventually.Patience));
        Assert.Equal(ReasonCodes.Saturated, refused.Error.Code);
        Assert.Equal([4009], _complaints.Events);
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

    private ValueTask<Placement> Submit(CancellationToken cancellationToken = default) =>
        Submit(_tenant, cancellationToken);

    private ValueTask<Placement> Submit(TenantId tenant, CancellationToken cancellationToken = default) =>
        _desk.SubmitAsync(Request(tenant), null, cancellationToken);

    private Placement? Beside(Placement placement) => _desk.TrySubmitBeside(placement, Request(_tenant), null);

    private RouteRequest Request(TenantId tenant)
    {
        Assert.True(_desk.TryFind("m", out var home));
        return new() { Pool = home.Pool, Tenant = tenant, PromptTokens = 4, ExpectedOutputTokens = 4 };
    }

    /// <summary>A clock that can be set ahead, and that fails once when it is told to. Thread-safe.</summary>
    private sealed class StumblingTime : TimeProvider
    {
        private readonly ShiftedTime _time = new();
        private int _stumbles;
        private int _reads;

        public int Reads => Volatile.Read(ref _reads);

        public bool Stumbles
        {
            get => Volatile.Read(ref _stumbles) != 0;
            set => Volatile.Write(ref _stumbles, value ? 1 : 0);
        }

        public void Advance(TimeSpan by) => _time.Advance(by);

        public override DateTimeOffset GetUtcNow() => _time.GetUtcNow();

        public override long GetTimestamp()
        {
            Interlocked.Increment(ref _reads);
            return Interlocked.Exchange(ref _stumbles, 0) == 0
                ? _time.GetTimestamp()
                : throw new InvalidOperationException("the clock stumbled");
        }
    }
}
