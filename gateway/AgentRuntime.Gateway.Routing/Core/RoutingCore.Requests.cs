using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <content>A request's way through the core.</content>
public sealed partial class RoutingCore
{
    private readonly List<RequestEntry> _entries = [];
    private readonly Stack<RequestEntry> _freeEntries = new();
    private readonly Queue<Assignment> _refusals = new();
    private readonly PriorityQueue<RouteTicket, double> _waits = new();
    private long _sequence;

    /// <summary>Requests under way, waiting ones included.</summary>
    public int UnderWay => _entries.Count - _freeEntries.Count;

    /// <summary>Requests that wait in the router.</summary>
    public int Waiting
    {
        get
        {
            var waiting = 0;
            foreach (var pool in _pools.Values)
                waiting += pool.Waiting;
            return waiting;
        }
    }

    /// <summary>What would be decided for a request now; changes nothing.</summary>
    public Assignment Decide(in RouteRequest request, double now)
    {
        var pool = Check(request);
        now = Math.Max(now, _now);
        var choice = _router.Decide(pool, request, pool.TryShare(request.Tenant), AvoidedBy(request), now);
        return choice.Prefill < 0
            ? new()
            {
                Kind = Router.AnyEngine(pool, request.Lora, AvoidedBy(request), _options.Disaggregation)
                    ? RouteKind.Wait
                    : RouteKind.Refused,
                State = request.State,
            }
            : Describe(
                pool, default, choice, request, GoesAtOnce(pool, request, choice, now) ? null : RouteKind.Wait);
    }

    /// <summary>
    /// Admits a request. Its assignment, or its refusal, comes out of <see cref="TryTake"/>, at once or later.
    /// </summary>
    /// <exception cref="ArgumentException">The request names no pool, class or tenant, or has no prompt.</exception>
    public RouteTicket Submit(in RouteRequest request, double now)
    {
        var pool = Check(request);
        now = Clock(now);
        var entry = Rent();
        entry.Request = request;
        entry.Pool = pool;
        entry.Tenant = pool.Share(request.Tenant);
        entry.ArrivedAt = now;
        entry.Excluded = AvoidedBy(request);
        var ticket = entry.Ticket;
        pool.Begin(entry.Tenant);
        pool.Adapters.Count(request.Lora, 1);
        // Who had nothing waiting returns: having been away earns no more than a burst.
        if (entry.Tenant.Waiting == 0)
            pool.Return(entry.Tenant);
        if (!IsServable(entry))
        {
            Refuse(entry, ReasonCodes.NoEngine, retryAfter: 1);
            return ticket;
        }

        var service = ServiceOf(request);
        if (entry.Tenant.Waiting >= _options.MaxWaitingPerTenant || UnderWay > _options.MaxRequests
            || (pool.Waiting >= _options.MaxWaiting && !MakeWay(pool, entry.Tenant)))
        {
            Refuse(entry, ReasonCodes.Saturated, retryAfter: service.TtftSeconds);
            return ticket;
        }

        pool.Shared.Begin(request.Blocks.Span);
        entry.IsShared = true;
        entry.Due = Math.Min(now + service.TtftSeconds, request.Deadline ?? double.PositiveInfinity);
        Enqueue(entry, now);
        return ticket;
    }

    /// <summary>Disaggregated: the prefill leg has answered, and its KV state is being moved.</summary>
    /// <returns>False when the request has ended or is not being prefilled.</returns>
    public bool PrefillDone(RouteTicket ticket, double now, int? cachedTokens = null)
    {
        if (Find(ticket) is not { Phase: RequestPhase.Prefilling } entry)
            return false;
        EndPrefill(entry, Clock(now), cachedTokens);
        entry.Phase = RequestPhase.Transferring;
        if (entry.IsPair)
            Release(entry.Pool, entry.Prefill, entry);
        return true;
    }

    /// <summary>
    /// Disaggregated: the prefill engine has not read the prompt, or what it read did not arrive, and the decode engine
    /// reads it itself. Nothing is learned of the prefill engine, and the request is not split again.
    /// </summary>
    /// <returns>False when the request has ended, has its first token, or is not split.</returns>
    public bool PrefillSkipped(RouteTicket ticket, double now)
    {
        now = Clock(now);
        if (Find(ticket) is not
            { Phase: RequestPhase.Prefilling or RequestPhase.Transferring, IsPair: true } entry)
            return false;
        if (entry.Phase == RequestPhase.Prefilling)
            AbandonPrefill(entry, now);
        entry.Request = entry.Request with { Colocated = true };
        var (cached, seconds) = _router.Reading(entry.Pool, entry.Request, entry.Decode);
        BeginPrefill(entry, entry.Decode, cached, seconds, now);
        entry.RunningAtDispatch = entry.Pool.Row(entry.Decode).Running - 1;
        return true;
    }

    /// <summary>The first token has come.</summary>
    /// <param name="ticket">The request.</param>
    /// <param name="now">The time.</param>
    /// <param name="cachedTokens">Prompt tokens that were cached, when the engine says so already.</param>
    /// <returns>False when the request has ended or had its first token before.</returns>
    public bool FirstToken(RouteTicket ticket, double now, int? cachedTokens = null)
    {
        now = Clock(now);
        if (Find(ticket) is not { Phase: RequestPhase.Prefilling or RequestPhase.Transferring } entry)
            return false;
        // Of a pair that says only this, nobody knows how much of the time was the prefill.
        var transferred = entry.Phase == RequestPhase.Transferring;
        if (!transferred)
            PrefillDone(ticket, now, cachedTokens);
        else if (cachedTokens is { } cached)
            LearnCached(entry, cached);
        if (entry.IsPair)
        {
            if (transferred)
                entry.Pool.Transfer.Learn(entry.Request.PromptTokens, now - entry.PrefillEndedAt);
            entry.Pool.Index.Speculate(entry.Decode, entry.Request.Blocks.Span, now);
        }

        entry.Phase = RequestPhase.Decoding;
        if (double.IsNaN(entry.FirstTokenAt))
            entry.FirstTokenAt = now;
        entry.RunningAtFirstToken = entry.Pool.Row(entry.Decode).Running;
        entry.DecodeStartedAt = now;
        entry.PrefillBusyAtFirstToken = PrefillBusy(entry.Pool, entry.Decode, now);
        return true;
    }

    /// <summary>The request has ended well. Settles its charge on what was really used.</summary>
    /// <returns>False when it had ended before.</returns>
    public bool Completed(RouteTicket ticket, InferenceUsage usage, double now)
    {
        ArgumentNullException.ThrowIfNull(usage);
        return Completed(ticket, (int)usage.Prompt.Value, (int)usage.CachedPrompt.Value, (int)usage.Output.Value, now);
    }

    /// <summary>
    /// The same, from numbers; <paramref name="cachedTokens"/> is null when the engine does not say.
    /// </summary>
    public bool Completed(RouteTicket ticket, int promptTokens, int? cachedTokens, int outputTokens, double now)
    {
        now = Clock(now);
        if (Find(ticket) is not { Phase: not RequestPhase.Waiting } entry)
            return false;
        if (entry.Phase != RequestPhase.Decoding)
            FirstToken(ticket, now, cachedTokens);
        if (cachedTokens is { } known)
            LearnCached(entry, known);
        else
            LearnPrefill(entry);
        LearnDecode(entry, outputTokens, now);
        Account(entry, outputTokens, now);
        var uncached = Math.Max(0, promptTokens - (cachedTokens ?? entry.CachedTokens));
        Settle(entry, uncached + (_options.OutputTokenWeight * outputTokens));
        Release(entry.Pool, entry.Decode, entry);
        End(entry);
        return true;
    }

    /// <summary>
    /// The request has ended without a whole answer, or is given up while it waits. Charged are the tokens that it got.
    /// </summary>
    /// <returns>False when it had ended before.</returns>
    public bool Failed(RouteTicket ticket, RouteFailure failure, double now, int outputTokens = 0)
    {
        now = Clock(now);
        if (Find(ticket) is not { } entry)
            return false;
        var reached = Withdraw(entry, now);
        if (failure is not (RouteFailure.Cancelled or RouteFailure.Superseded))
            AccountRefused(entry);
        entry.DeliveredTokens += outputTokens;
        // Who cancels pays for the work that was begun; else cancelling would be a way to be served for nothing.
        var begun = failure == RouteFailure.Cancelled ? entry.Attempts > 0 : reached;
        SettleUnfinished(entry, begun && failure != RouteFailure.Superseded);
        End(entry);
        return true;
    }

    /// <summary>
    /// The request's engine failed it: it shall be tried on another one, from the tokens that the client has. Keeps its
    /// ticket and its place in the order; nothing is charged twice. The new assignment comes out of
    /// <see cref="TryTake"/>, with state, or a refusal when no engine could take it. When the one that failed is the
    /// only one that could, and is open, it is given the request again: how often is the caller's to bound.
    /// </summary>
    /// <param name="ticket">The request.</param>
    /// <param name="failure">Which engine is to be avoided while others could take it.</param>
    /// <param name="outputTokens">Tokens that the client got from this attempt; they become part of the prompt.</param>
    /// <param name="now">The time.</param>
    /// <param name="colocated">Whether one engine must do all that is left.</param>
    /// <returns>False when it had ended, or waits already.</returns>
    public bool Requeue(
        RouteTicket ticket, RouteFailure failure, int outputTokens, double now, bool colocated = false)
    {
        now = Clock(now);
        if (Find(ticket) is not { Phase: not RequestPhase.Waiting } entry)
            return false;
        var failed = failure == RouteFailure.PrefillEngineDied ? entry.Prefill : entry.Decode;
        Withdraw(entry, now);
        entry.Excluded = failed;
        entry.DeliveredTokens += outputTokens;
        entry.Request = entry.Request with
        {
            PromptTokens = entry.Request.PromptTokens + outputTokens,
            ExpectedOutputTokens = Math.Max(1, entry.Request.ExpectedOutputTokens - outputTokens),
            Colocated = colocated || entry.Request.Colocated,
        };
        if (!IsServable(entry))
            Refuse(entry, ReasonCodes.NoEngine, retryAfter: 1);
        else
            Enqueue(entry, now);
        return true;
    }

    /// <summary>
    /// Whether a request that comes now would be sent now, without a wait of its own or of one that it is let in for.
    /// </summary>
    private bool GoesAtOnce(ModelPool pool, in RouteRequest request, in Choice choice, double now) =>
        pool.Waiting < _options.MaxWaiting && UnderWay < _options.MaxRequests
            && (pool.TryShare(request.Tenant)?.Waiting ?? 0) < _options.MaxWaitingPerTenant
            && pool.Engine(choice.Prefill).Queue.Count == 0 && HasRoom(pool, choice.Prefill, now)
            && HasDecodeRoom(pool, choice.Decode, request.KvTokens)
            && Shedding.Probability(ServiceOf(request), choice.Explanation.QueueSeconds) <= 0;

    private static int AvoidedBy(in RouteRequest request) => request.Avoid.Exists ? request.Avoid.Index : -1;

    private SloClass ServiceOf(in RouteRequest request) => request.Service ?? _options.Classes[request.Class];

    private ModelPool Check(in RouteRequest request)
    {
        var pool = PoolOf(request.Pool);
        if (request.Tenant == default)
            throw new ArgumentException("a request without a tenant is refused", nameof(request));
        if ((uint)request.Class >= (uint)_options.Classes.Count)
            throw new ArgumentException($"there is no class {request.Class}", nameof(request));
        if (!pool.Adapters.Exists(request.Lora))
            throw new ArgumentException($"there is no adapter {request.Lora}", nameof(request));
        if (request.PromptTokens < 1 || request.ExpectedOutputTokens < 0)
            throw new ArgumentException("a request has a prompt, and an answer that is not negative", nameof(request));
        return pool;
    }

    private RequestEntry Rent()
    {
        if (!_freeEntries.TryPop(out var entry))
        {
            entry = new(_entries.Count);
            _entries.Add(entry);
        }

        return entry;
    }

    private RequestEntry? Find(RouteTicket ticket) =>
        (uint)ticket.Slot < (uint)_entries.Count && _entries[ticket.Slot] is var entry
            && entry.Generation == ticket.Generation && entry.Phase != RequestPhase.Ended
            ? entry
            : null;

    private void Refuse(RequestEntry entry, ReasonCode reason, double retryAfter)
    {
        _refusals.Enqueue(new()
        {
            Ticket = entry.Ticket,
            Kind = RouteKind.Refused,
            Reason = reason,
            RetryAfterSeconds = retryAfter,
            State = entry.Request.State,
        });
        if (reason == ReasonCodes.NoEngine)
            entry.Pool.LackedEngineAt = _now;
        AccountRefused(entry);
        SettleUnfinished(entry, begun: false);
        End(entry);
    }

    private void End(RequestEntry entry)
    {
        entry.Pool.End(entry.Tenant);
        entry.Pool.Adapters.Count(entry.Request.Lora, -1);
        if (entry.IsShared)
            entry.Pool.Shared.End(entry.Request.Blocks.Span, entry.Slot);
        entry.IsShared = false;
        entry.Reset();
        _freeEntries.Push(entry);
    }
}
