using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// The router's whole state behind one door: engines, KV index, predictors, waiting requests, fair shares. It does no
/// I/O, starts no thread and has no clock, so the code that serves is the code that is simulated.
/// </summary>
/// <remarks>
/// <para>
/// Single writer: calls must not overlap, so the caller holds one lock around them or makes them from one loop. A call
/// takes microseconds and allocates nothing once its tables have grown; no callback is made from inside. <c>now</c> is
/// seconds on a monotonic clock of the caller's choice; a clock that goes back is taken to stand still.
/// </para>
/// <code>
/// // once
/// var core = new RoutingCore(new RoutingOptions { BlockTokens = 16 }, seed: RandomSeed());
/// var a = core.AddEngine(new EngineDescription("node-a", "small") { Roles = EngineRoles.Prefill }, Now());
/// var b = core.AddEngine(new EngineDescription("node-b", "small") { Roles = EngineRoles.Decode }, Now());
///
/// // a request comes in: hash it outside of the lock
/// var keys = new BlockKey[BlockHasher.BlockCount(tokens.Length, 16)];
/// core.Hasher.HashTokens(tokens, 16, BlockScope.Create(salt), keys);
/// var answer = new TaskCompletionSource&lt;Assignment&gt;(TaskCreationOptions.RunContinuationsAsynchronously);
/// lock (gate)
/// {
///     core.TryGetPool("small", out var pool);          // false: unknown model
///     core.Submit(new RouteRequest
///     {
///         Pool = pool, Tenant = tenant, PromptTokens = tokens.Length, ExpectedOutputTokens = maxTokens / 2,
///         Blocks = keys, State = answer,
///     }, Now());
///     Pump();
/// }
/// var assignment = await answer.Task;                   // waits while the router holds the request
///
/// // after every call that may have freed room, under the same lock
/// void Pump()
/// {
///     while (core.TryTake(Now(), out var taken))
///         ((TaskCompletionSource&lt;Assignment&gt;)taken.State!).TrySetResult(taken);
/// }
///
/// // what happens to the request, each under the lock and followed by Pump()
/// core.PrefillDone(assignment.Ticket, Now());           // disaggregated: the prefill leg has answered
/// core.PrefillSkipped(assignment.Ticket, Now());        // or it has failed, and the other engine reads the prompt
/// core.FirstToken(assignment.Ticket, Now());            // the first token has come
/// core.Completed(assignment.Ticket, usage, Now());      // the last one: ends the ticket
/// core.Failed(assignment.Ticket, RouteFailure.Cancelled, Now());                        // ends the ticket
/// core.Requeue(assignment.Ticket, RouteFailure.DecodeEngineDied, tokensSent, Now());    // same ticket, new assignment
///
/// // a timer, every 20 to 50 ms
/// lock (gate) { core.Advance(Now()); Pump(); }
///
/// // feeds
/// lock (gate) core.ReportLoad(a, new EngineLoad(waiting, running, kvUsage), Now());
/// lock (gate) feedOfA.Stored(hashes, parent, tokens, blockTokens, scope);     // feedOfA = core.OpenFeed(a)
/// lock (gate) core.SetHealth(a, EngineHealth.Down, Now());
/// </code>
/// </remarks>
public sealed partial class RoutingCore
{
    private readonly RoutingOptions _options;
    private readonly Router _router;
    private readonly Random _random;
    private readonly Dictionary<string, ModelPool> _poolsByModel = new(StringComparer.Ordinal);
    private readonly Dictionary<int, ModelPool> _pools = [];
    private int _lastPool;
    private double _now = double.NegativeInfinity;

    /// <summary>A core without engines.</summary>
    /// <param name="options">How to decide.</param>
    /// <param name="seed">Secret of this process: keeps tenants from constructing block-key collisions.</param>
    /// <exception cref="ArgumentException">The options are out of range; the message names every error.</exception>
    public RoutingCore(RoutingOptions options, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _router = new(options);
        _random = new((int)XxHash64.Avalanche(seed));
        Hasher = new(seed);
    }

    /// <summary>Computes the block keys of requests. Thread-safe, to be used outside of the lock.</summary>
    public BlockHasher Hasher { get; }

    /// <summary>The options.</summary>
    public RoutingOptions Options => _options;

    /// <summary>
    /// The pool of a model: it exists as soon as the model has had an engine, and for an hour after the last one.
    /// </summary>
    public bool TryGetPool(string model, out int pool)
    {
        var found = _poolsByModel.TryGetValue(model, out var modelPool);
        pool = found ? modelPool!.Number : 0;
        return found;
    }

    /// <summary>
    /// An adapter's number within a pool, for <see cref="RouteRequest.Lora"/>; 0 for the base model, -1 when more
    /// adapters are in use than can be told apart (65,536). Good for the calls that follow under the same lock.
    /// </summary>
    public int LoraOf(int pool, string? lora) => PoolOf(pool).Adapters.Number(lora);

    /// <summary>The KV index of a pool.</summary>
    public KvIndex IndexOf(int pool) => PoolOf(pool).Index;

    /// <summary>Sets a tenant's share of a pool against others' 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The weight is not positive.</exception>
    public void SetTenantWeight(int pool, TenantId tenant, double weight)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(weight);
        var share = PoolOf(pool).Share(tenant);
        share.Served *= share.Weight / weight;
        share.Weight = weight;
    }

    /// <summary>Adds an engine, healthy and empty.</summary>
    public EngineRef AddEngine(EngineDescription description, double now)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentException.ThrowIfNullOrEmpty(description.Model);
        ArgumentOutOfRangeException.ThrowIfLessThan(description.MaxRunning, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            description.TransferGroup, EngineDescription.MaxTransferGroup, nameof(description));
        now = Clock(now);
        if (!_poolsByModel.TryGetValue(description.Model, out var pool))
        {
            pool = new(++_lastPool, description.Model, _options);
            _pools.Add(pool.Number, pool);
            _poolsByModel.Add(description.Model, pool);
        }

        var engine = pool.Add(description, now);
        List(pool, engine);
        RebindAll(pool.Unbound, now);
        return new(pool.Number, engine);
    }

    /// <summary>
    /// Removes an engine: what waits for it goes elsewhere, what it works on goes on, its number is used again only
    /// when that has ended.
    /// </summary>
    public void RemoveEngine(EngineRef engine, double now)
    {
        var (pool, state) = Find(engine);
        now = Clock(now);
        state.Removed = true;
        pool.Row(engine.Index).Open = false;
        pool.Index.Remove(engine.Index);
        pool.Adapters.Remove(engine.Index);
        RebindAround(pool, engine.Index, now);
        pool.FreeWhenEnded(engine.Index);
    }

    /// <summary>
    /// Sets an engine's health. An engine that is down is forgotten by the index at once; the caller then reports each
    /// of its requests with <see cref="Failed"/> or <see cref="Requeue"/>.
    /// </summary>
    public void SetHealth(EngineRef engine, EngineHealth health, double now)
    {
        var (pool, state) = Find(engine);
        now = Clock(now);
        state.Health = health;
        ref var row = ref pool.Row(engine.Index);
        row.Open = health == EngineHealth.Healthy && !state.Removed;
        if (health == EngineHealth.Down)
        {
            pool.Index.Forget(engine.Index);
            pool.Adapters.Forget(engine.Index);
        }

        if (row.Open)
        {
            List(pool, engine.Index);
            RebindAll(pool.Unbound, now);
        }
        else
        {
            RebindAround(pool, engine.Index, now);
        }
    }

    /// <summary>
    /// Sets with which engines it can make pairs from now on (<see cref="EngineDescription.TransferGroup"/>); those
    /// that are made stay.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such group.</exception>
    public void SetTransferGroup(EngineRef engine, byte group)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(group, EngineDescription.MaxTransferGroup);
        Find(engine).Pool.SetTransferGroup(engine.Index, group);
    }

    /// <summary>
    /// The engine's process is another one than before: nothing of its cache is left, and no adapter is loaded.
    /// </summary>
    public void EngineRestarted(EngineRef engine)
    {
        var pool = Find(engine).Pool;
        pool.Index.Forget(engine.Index);
        pool.Adapters.Forget(engine.Index);
    }

    /// <summary>Takes in a load report of now.</summary>
    public void ReportLoad(EngineRef engine, in EngineLoad load, double now)
    {
        var (pool, state) = Find(engine);
        now = Clock(now);
        state.LastLoad = load;
        ref var row = ref pool.Row(engine.Index);
        var wasStale = row.FreshUntil < now;
        row.FreshUntil = now + _options.StaleAfterSeconds;
        // Others send work to the engine too: what its queue holds beyond what was sent from here is theirs.
        var foreign = Math.Max(0, load.Waiting - row.Prefilling);
        row.ForeignSeconds = foreign * row.PrefillSeconds(MeanUncachedTokens);
        if (state.Description.KvCapacityTokens > 0)
        {
            var free = (long)(state.Description.KvCapacityTokens * (1 - Math.Clamp(load.KvUsage, 0, 1)));
            row.KvFreeTokens = load.Running == 0 ? state.Description.KvCapacityTokens : free;
        }

        List(pool, engine.Index);
        if (wasStale)
            RebindAll(pool.Unbound, now);
    }

    /// <summary>
    /// Sets what the engine can serve: the base model, as every new engine does, and adapters of it. Requests that wait
    /// for it and that it can no longer serve go elsewhere.
    /// </summary>
    public void SetServed(EngineRef engine, bool servesBase, IEnumerable<string> loras, double now)
    {
        ArgumentNullException.ThrowIfNull(loras);
        var (pool, state) = Find(engine);
        now = Clock(now);
        var (lost, gained) = pool.Adapters.Serve(engine.Index, servesBase, loras);
        if (lost)
            RebindAround(pool, engine.Index, now);
        if (!gained)
            return;
        List(pool, engine.Index);
        RebindAll(pool.Unbound, now);
    }

    /// <summary>
    /// Takes in what the engine says of its adapters (<c>vllm:lora_requests_info</c>): those of the requests that it
    /// has, and how many it holds loaded. What it was sent last it is believed to hold as well, up to that many.
    /// </summary>
    public void ReportLoras(EngineRef engine, IEnumerable<string> working, int capacity = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(working);
        Find(engine).Pool.Adapters.Report(engine.Index, working, capacity);
    }

    /// <summary>
    /// Sets where knowledge of the engine's cache comes from now: its events, while they are heard, or what responses
    /// show.
    /// </summary>
    public void SetKvSource(EngineRef engine, KvSource source) => Find(engine).State.Source = source;

    /// <summary>A new feed for an engine's KV events, under the same single writer as this core.</summary>
    public KvEventFeed OpenFeed(EngineRef engine)
    {
        var (pool, _) = Find(engine);
        return new(pool.Index, Hasher, engine.Index, _options.BlockTokens);
    }

    /// <summary>The engine's name.</summary>
    public string NameOf(EngineRef engine) => Find(engine).State.Description.Name;

    private double Clock(double now)
    {
        if (now > _now)
            _now = now;
        return _now;
    }

    internal ModelPool PoolOf(int pool) =>
        _pools.TryGetValue(pool, out var found)
            ? found
            : throw new ArgumentOutOfRangeException(nameof(pool), pool, "no such pool");

    private (ModelPool Pool, EngineState State) Find(EngineRef engine)
    {
        var pool = PoolOf(engine.Pool);
        return (pool, pool.Find(engine.Index)
            ?? throw new ArgumentException($"engine {engine.Index} is not part of pool {engine.Pool}", nameof(engine)));
    }
}
