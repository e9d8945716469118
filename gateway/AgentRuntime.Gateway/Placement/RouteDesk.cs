using System.Security.Cryptography;
using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Gives the pure routing core what it has not: a lock, a clock, a timer, and waiting callers. Thread-safe; every call
/// into the core is made under the one lock and takes microseconds.
/// </summary>
internal sealed partial class RouteDesk : IAsyncDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan BetweenComplaints = TimeSpan.FromMinutes(1);
    private readonly Lock _lock = new();
    private readonly RoutingCore _core;
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly Dictionary<EngineRef, Engine> _engines = [];
    private readonly Dictionary<(Engine Engine, string Base), Placed> _places = [];
    private readonly ModelHomes _homes = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    private readonly EngineRouterOptions _options;
    private readonly ILogger _logger;
    private int _poolsFreed;

    public RouteDesk(EngineRouterOptions options, TimeProvider time, ILogger? logger = null)
    {
        _options = options;
        _time = time;
        _logger = logger ?? NullLogger.Instance;
        _origin = time.GetTimestamp();
        _core = new RoutingCore(
            options.EffectiveRouting, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
        _loop = Task.Run(LoopAsync);
    }

    public RoutingOptions Options => _core.Options;

    public BlockHasher Hasher => _core.Hasher;

    private double Now => _time.GetElapsedTime(_origin).TotalSeconds;

    /// <summary>
    /// Where a model is served; false for one that no engine has had in the last hour, or none has any more as an
    /// adapter.
    /// </summary>
    public bool TryFind(string model, out ModelHome home)
    {
        lock (_lock)
            return _homes.TryFind(model, out home);
    }

    /// <summary>
    /// Brings a request in and waits until engines are there for it: not at all when they are there now.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR4001 or AR4009.</exception>
    public ValueTask<Placement> SubmitAsync(
        in RouteRequest request, string? adapter, CancellationToken cancellationToken)
    {
        var waiter = new Waiter();
        Task<Placement>? later;
        Placement? placement;
        lock (_lock)
        {
            waiter.Ticket = _core.Submit(
                request with { State = waiter, Lora = LoraOf(request.Pool, adapter) }, Now);
            Pump();
            later = waiter.TryTake(out placement) ? null : waiter.WaitAsync();
        }

        return later is null ? new(placement!) : new(WaitAsync(waiter, later, cancellationToken));
    }

    /// <summary>Sends a request back after an engine failed it, and waits for another engine.</summary>
    /// <param name="placement">Where it was.</param>
    /// <param name="failure">What became of the engine.</param>
    /// <param name="outputTokens">Tokens that the client got since it was placed or sent back last.</param>
    /// <param name="colocated">Whether one engine must do what is left.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="RuntimeErrorException">AR4001 or AR4009; the request has then left the desk.</exception>
    public ValueTask<Placement> RequeueAsync(
        Placement placement,
        RouteFailure failure,
        int outputTokens,
        bool colocated,
        CancellationToken cancellationToken)
    {
        var waiter = placement.Waiter;
        Task<Placement>? later;
        Placement? another;
        lock (_lock)
        {
            waiter.Reset();
            if (!_core.Requeue(placement.Assignment.Ticket, failure, outputTokens, Now, colocated))
                throw new InvalidOperationException("a request was sent back that is not under way");

            Pump();
            later = waiter.TryTake(out another) ? null : waiter.WaitAsync();
        }

        return later is null ? new(another!) : new(WaitAsync(waiter, later, cancellationToken));
    }

    /// <summary>
    /// Asks for another engine for a request that has one; null when there is none at once. It stands in nobody's way
    /// who waits, and counts as nobody's refusal.
    /// </summary>
    /// <param name="placement">The engine that it has.</param>
    /// <param name="request">The request.</param>
    /// <param name="adapter">The adapter that it is for; null for the base model.</param>
    public Placement? TrySubmitBeside(Placement placement, in RouteRequest request, string? adapter)
    {
        var waiter = new Waiter();
        lock (_lock)
        {
            var asked = request with
            {
                State = waiter, Avoid = placement.Assignment.Decode, Lora = LoraOf(request.Pool, adapter),
            };
            if (_core.Decide(asked, Now).Kind is RouteKind.Wait or RouteKind.Refused)
                return null;
            waiter.Ticket = _core.Submit(asked, Now);
            Pump();
            try
            {
                if (waiter.TryTake(out var beside))
                    return beside;
            }
            catch (RuntimeErrorException)
            {
                // A refusal is as good as an answer that does not come: the first engine is still at work.
                return null;
            }

            _core.Failed(waiter.Ticket, RouteFailure.Superseded, Now);
            Pump();
            return null;
        }
    }

    public void PrefillDone(Placement placement, int? cachedTokens)
    {
        lock (_lock)
        {
            _core.PrefillDone(placement.Assignment.Ticket, Now, cachedTokens);
            Pump();
        }
    }

    /// <summary>The engine that writes the answer reads the prompt itself.</summary>
    public void PrefillSkipped(Placement placement)
    {
        lock (_lock)
        {
            _core.PrefillSkipped(placement.Assignment.Ticket, Now);
            Pump();
        }
    }

    public void FirstToken(Placement placement)
    {
        lock (_lock)
        {
            _core.FirstToken(placement.Assignment.Ticket, Now);
            Pump();
        }
    }

    /// <summary>The request has ended well.</summary>
    /// <param name="placement">Where it was.</param>
    /// <param name="usage">What it is charged.</param>
    /// <param name="cachedKnown">Whether the engine told how much of the prompt it had cached.</param>
    public void Completed(Placement placement, InferenceUsage usage, bool cachedKnown)
    {
        lock (_lock)
        {
            _core.Completed(
                placement.Assignment.Ticket,
                (int)usage.Prompt.Value,
                cachedKnown ? (int)usage.CachedPrompt.Value : null,
                (int)usage.Output.Value,
                Now);
            Pump();
        }
    }

    public void Failed(Placement placement, RouteFailure failure, int outputTokens) =>
        Failed(placement.Assignment.Ticket, failure, outputTokens);

    /// <summary>Takes in what an engine's metrics say of its load and its adapters.</summary>
    public void Report(Engine engine, in EngineReport report)
    {
        lock (_lock)
        {
            foreach (var (key, placed) in _places)
            {
                if (key.Engine != engine)
                    continue;
                _core.ReportLoad(placed.Ref, report.Load, Now);
                if (report.Loras is { } loras)
                    ReportLoras(engine, placed, loras);
            }

            Pump();
        }
    }

    /// <summary>How requests that have ended fared; of one tenant, or of all.</summary>
    public IReadOnlyList<SloStanding> Standings(TenantId? tenant)
    {
        lock (_lock)
            return _core.ReportSlo(tenant, Now);
    }

    /// <summary>What a tenant's requests for a model were charged, in tokens; for tests and status.</summary>
    public double ChargedTo(TenantId tenant, string model)
    {
        lock (_lock)
            return _homes.TryFind(model, out var home) ? _core.ChargedTo(home.Pool, tenant) : 0;
    }

    /// <summary>How many engines each model's load asks for.</summary>
    public IReadOnlyList<(string Model, ScalingAdvice Advice)> Scaling()
    {
        lock (_lock)
            return _core.AdviseScaling(Now);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private void Failed(RouteTicket ticket, RouteFailure failure, int outputTokens)
    {
        lock (_lock)
        {
            _core.Failed(ticket, failure, Now, outputTokens);
            Pump();
        }
    }

    /// <summary>The lock is held. Completions run elsewhere, never under it.</summary>
    private void Pump()
    {
        while (_core.TryTake(Now, out var assignment))
        {
            var waiter = (Waiter)assignment.State!;
            if (assignment.Kind == RouteKind.Refused)
            {
                waiter.Refuse(assignment);
                continue;
            }

            waiter.Place(new Placement(
                waiter,
                assignment,
                _engines[assignment.Decode],
                assignment.Kind == RouteKind.Disaggregated ? _engines[assignment.Prefill] : null));
        }
    }

    private async Task<Placement> WaitAsync(
        Waiter waiter, Task<Placement> answer, CancellationToken cancellationToken)
    {
        try
        {
            return await answer.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Failed(waiter.Ticket, RouteFailure.Cancelled, outputTokens: 0);
            throw;
        }
    }

    private async Task LoopAsync()
    {
        using var timer = new PeriodicTimer(Tick, _time);
        long? complained = null;
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                try
                {
                    TakeStock();
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // Without this loop nobody's wait would end any more: what failed once may well work the next time.
                    if (complained is { } at && _time.GetElapsedTime(at) < BetweenComplaints)
                        continue;
                    complained = _time.GetTimestamp();
                    GatewayLog.DeskFailed(_logger, e);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The router is being disposed.
        }
    }

    private void TakeStock()
    {
        lock (_lock)
        {
            // Circuits close by time alone, so nobody reports it.
            foreach (var ((engine, _), placed) in _places)
                SetHealth(engine, placed);
            _core.Advance(Now);
            if (_poolsFreed != _core.PoolsFreed)
            {
                _poolsFreed = _core.PoolsFreed;
                _homes.Forget(pool => !_core.HasPool(pool));
            }

            Pump();
        }
    }
}
