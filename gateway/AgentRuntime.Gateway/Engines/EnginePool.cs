using System.Collections.Immutable;
using AgentRuntime.Abstractions;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway;

/// <summary>
/// The engines in use, each probed by a loop of its own. Owns the loops. Thread-safe: readers see an immutable
/// snapshot that the few changes replace under a lock.
/// </summary>
internal sealed class EnginePool(
    EngineRouterOptions options, EngineClient client, RouteDesk desk, TimeProvider time, ILogger logger)
    : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<Engine, (CancellationTokenSource Stop, Task Loop)> _probes = [];
    private volatile Snapshot _snapshot = new([], []);

    public ImmutableArray<Engine> Engines => _snapshot.Engines;

    public IReadOnlyList<ServedModel> Models => _snapshot.Models;

    /// <summary>Takes an engine in; the task completes after its first probe, whatever that found.</summary>
    /// <exception cref="ArgumentException">The descriptor is not valid, or its name is taken.</exception>
    public async Task AddAsync(EngineDescriptor descriptor, CancellationToken cancellationToken)
    {
        if (EngineRouterOptions.ProblemOf(descriptor) is { } problem)
            throw new ArgumentException(problem, nameof(descriptor));

        var engine = new Engine(descriptor, new CircuitBreaker(options.CircuitFailures, options.CircuitOpenFor, time));
        var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_snapshot.Engines.Any(e => e.Name == engine.Name))
                throw new ArgumentException($"the name '{engine.Name}' is taken", nameof(descriptor));

            var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            _probes[engine] = (stop, Task.WhenAll(
                Task.Run(() => ProbeLoopAsync(engine, first, stop.Token), CancellationToken.None),
                Task.Run(() => LoadLoopAsync(engine, stop.Token), CancellationToken.None),
                Task.Run(() => FollowKvAsync(engine, stop.Token), CancellationToken.None)));
            _snapshot = Snapshot.Of(_snapshot.Engines.Add(engine));
        }

        await first.Task.WaitAsync(cancellationToken);
    }

    /// <summary>
    /// Gives an engine no new requests, waits for those under way, and forgets it; false when unknown, or kept after
    /// all.
    /// </summary>
    public async Task<bool> RemoveAsync(string name, CancellationToken cancellationToken)
    {
        var engine = _snapshot.Engines.FirstOrDefault(e => e.Name == name);
        if (engine is null)
            return false;

        var drained = engine.DrainAsync();
        Republish(engine);
        if (!await drained.WaitAsync(cancellationToken))
            return false;

        engine.MarkRemoved();
        desk.Observe(engine);
        (CancellationTokenSource Stop, Task Loop) probe;
        lock (_lock)
        {
            _snapshot = Snapshot.Of(_snapshot.Engines.Remove(engine));
            if (!_probes.Remove(engine, out probe))
                return false;
        }

        await probe.Stop.CancelAsync();
        await probe.Loop;
        probe.Stop.Dispose();
        Forget(engine);
        return true;
    }

    /// <summary>
    /// Gives an engine that is being removed requests again; false when none is, or its last request has left.
    /// </summary>
    public bool TryKeep(string name)
    {
        if (_snapshot.Engines.FirstOrDefault(e => e.Name == name) is not { } engine || !engine.TryResume())
            return false;

        Republish(engine);
        return true;
    }

    /// <summary>Tells everyone who must know that an engine's health has changed.</summary>
    public void Republish(Engine engine)
    {
        lock (_lock)
            _snapshot = Snapshot.Of(_snapshot.Engines);
        desk.Observe(engine);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] loops;
        lock (_lock)
            loops = [.. _probes.Values.Select(p => p.Loop)];
        await Task.WhenAll(loops);
        _stop.Dispose();
    }

    /// <summary>What the client keeps for an address goes with the last engine that is reached at it.</summary>
    private void Forget(Engine gone)
    {
        lock (_lock)
        {
            var authority = gone.Descriptor.BaseAddress.Authority;
            if (!_snapshot.Engines.Any(e => e.Descriptor.IsGrpc && e.Descriptor.BaseAddress.Authority == authority))
                client.Forget(gone);
        }
    }

    private async Task ProbeLoopAsync(Engine engine, TaskCompletionSource first, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(options.ProbeInterval, time);
        var late = false;
        try
        {
            do
            {
                try
                {
                    // One late answer says as much of this machine, which may be busy, as of the engine.
                    var health = await ProbeAsync(engine, cancellationToken);
                    var again = health.Late && !late && engine.Health.Healthy;
                    late = health.Late;
                    if (!again)
                        Take(engine, health);
                }
                catch (Exception e) when (IsUnexpected(e, cancellationToken))
                {
                    GatewayLog.ProbeFailed(logger, engine.Name, e);
                    engine.MarkUnreachable();
                }

                first.TrySetResult();
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            first.TrySetResult();
        }
    }

    private void Take(Engine engine, EngineHealth health)
    {
        var before = engine.Health.Healthy;

        // What an engine served before it went down tells "down" from "unknown" to whoever asks for it.
        engine.Observe(health.Healthy ? health : engine.Health with { Healthy = false });
        Republish(engine);
        if (health.Healthy != before)
            GatewayLog.EngineHealthChanged(logger, engine.Name, health.Healthy, health.Models.Count);
    }

    /// <summary>Whatever goes wrong in a probe is the engine's health, and not the end of its probes.</summary>
    private async Task<EngineHealth> ProbeAsync(Engine engine, CancellationToken cancellationToken)
    {
        try
        {
            return await client.ProbeAsync(engine, cancellationToken);
        }
        catch (Exception e) when (IsUnexpected(e, cancellationToken))
        {
            GatewayLog.ProbeFailed(logger, engine.Name, e);
            return EngineHealth.Unknown;
        }
    }

    private Task FollowKvAsync(Engine engine, CancellationToken cancellationToken) =>
        engine.Descriptor.BaseAddress.Scheme == GrpcEngineHandler.Scheme
            ? new GrpcKvEventSubscription(engine, desk, options, time, logger).RunAsync(cancellationToken)
            : new KvEventSubscription(engine, desk, options, time, logger).RunAsync(cancellationToken);

    private async Task LoadLoopAsync(Engine engine, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(options.LoadInterval, time);
        var life = default(EngineLife);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                try
                {
                    life = await ReadLoadAsync(engine, life, cancellationToken);
                }
                catch (Exception e) when (IsUnexpected(e, cancellationToken))
                {
                    GatewayLog.ProbeFailed(logger, engine.Name, e);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The engine leaves the pool.
        }
    }

    /// <summary>Hands the engine's load on; tells which process it is of.</summary>
    private async Task<EngineLife> ReadLoadAsync(Engine engine, EngineLife life, CancellationToken cancellationToken)
    {
        if (engine.Health is not { Healthy: true, ReportsLoad: true }
            || await client.LoadAsync(engine, cancellationToken) is not { } report)
            return life;

        if (report.Life.IsAnother(than: life))
        {
            GatewayLog.EngineRestarted(logger, engine.Name);
            desk.EngineRestarted(engine);
        }

        desk.Report(engine, report);
        return report.Life;
    }

    private static bool IsUnexpected(Exception e, CancellationToken cancellationToken) =>
        e is not OperationCanceledException || !cancellationToken.IsCancellationRequested;

    private sealed record Snapshot(ImmutableArray<Engine> Engines, IReadOnlyList<ServedModel> Models)
    {
        public static Snapshot Of(ImmutableArray<Engine> engines) => new(engines, Engine.Offer(engines));
    }
}
