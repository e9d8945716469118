using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing;

/// <content>Where requests wait, and how they leave.</content>
public sealed partial class RoutingCore
{
    private const int MaxRebinds = 4;
    private const int MinWaitNotes = 4096;
    private readonly Queue<(ModelPool Pool, int Engine)> _listed = new();

    /// <summary>
    /// The next thing that shall happen to some request. Call until it returns false, after every call that may have
    /// made room or brought work.
    /// </summary>
    public bool TryTake(double now, out Assignment assignment)
    {
        now = Clock(now);
        if (_refusals.TryDequeue(out assignment))
            return true;
        while (_listed.TryPeek(out var listed))
        {
            var (pool, engine) = listed;
            if (pool.Find(engine) is { } state)
            {
                if (TryDispatch(pool, engine, state, now, out assignment))
                    return true;
                state.Listed = false;
            }

            _listed.Dequeue();
        }

        assignment = default;
        return false;
    }

    private bool TryDispatch(ModelPool pool, int engine, EngineState state, double now, out Assignment assignment)
    {
        if (state.Queue.Count == 0 && pool.Waiting > 0 && pool.Row(engine).Prefilling == 0)
            OfferToIdle(pool, now);
        while (HasRoom(pool, engine, now) && pool.Row(engine).FreshUntil >= now
            && FairOrder.Next(state.Queue, _options, now) is { } entry)
        {
            // It waits here no longer while it is decided about: it must not stand in its own way.
            var choice = entry.Choice;
            Unbind(entry);
            if (entry.ChosenAt < now || choice.IsExpected || !Writes(entry, choice.Decode, now))
                choice = Decide(entry, now, front: engine);
            if (choice.Prefill != engine
                && (entry.Rebinds++ < MaxRebinds || !Writes(entry, entry.Choice.Decode, now)))
            {
                Bind(entry, choice, now);
                continue;
            }

            if (choice.Prefill != engine)
                choice = entry.Choice;
            if (!HasDecodeRoom(pool, choice.Decode, entry.Request.KvTokens))
            {
                pool.DecodeBlocked = true;
                Bind(entry, choice, now);
                break;
            }

            Dispatch(entry, choice, now);
            assignment = Describe(pool, entry.Ticket, choice, entry.Request, kind: null);
            return true;
        }

        assignment = default;
        return false;
    }

    /// <summary>
    /// An engine has nothing to do: the request that is next where most waits is decided about again, and comes over
    /// when that is the better choice by now.
    /// </summary>
    private void OfferToIdle(ModelPool pool, double now)
    {
        var longest = -1;
        var most = 0.0;
        for (var engine = 0; engine < pool.Places; engine++)
        {
            var waiting = pool.Row(engine).AllWaitingSeconds;
            if (waiting > most)
                (longest, most) = (engine, waiting);
        }

        if (longest < 0 || FairOrder.Next(pool.Engine(longest).Queue, _options, now) is not { } entry)
            return;
        Unbind(entry);
        Bind(entry, Decide(entry, now, front: longest), now);
    }

    private Choice Decide(RequestEntry entry, double now, int front = -1) =>
        _router.Decide(entry.Pool, entry.Request, entry.Tenant, entry.Excluded, now, front, entry.Slot);

    /// <summary>Whether an engine that was chosen to write a request's answer may still be asked to.</summary>
    private static bool Writes(RequestEntry entry, int engine, double now)
    {
        ref readonly var row = ref entry.Pool.Row(engine);
        return row.Open && row.FreshUntil >= now && (row.Roles & EngineRoles.Decode) != 0
            && entry.Pool.Adapters.Of(entry.Request.Lora)[engine] != AdapterState.Absent;
    }

    /// <summary>Whether an engine would be given another prompt.</summary>
    private bool HasRoom(ModelPool pool, int engine, double now)
    {
        ref readonly var row = ref pool.Row(engine);
        return row.Open && row.Running < row.MaxRunning
            && row.PrefillingSeconds(now)
                <= (pool.IsContended ? _options.ContendedBacklogSeconds : _options.EngineBacklogSeconds);
    }

    /// <summary>Whether an engine would be given another answer to write. One that has none is given any.</summary>
    private static bool HasDecodeRoom(ModelPool pool, int engine, long kvTokens)
    {
        ref readonly var row = ref pool.Row(engine);
        return row.Running < row.MaxRunning && (row.Running == 0 || row.KvFreeTokens >= kvTokens);
    }

    private void Enqueue(RequestEntry entry, double now)
    {
        var choice = Decide(entry, now);
        if (entry.Attempts == 0 && IsShed(entry, choice))
            return;
        entry.Phase = RequestPhase.Waiting;
        entry.QueuedAt = now;
        entry.WaitUntil = Math.Min(
            now + ServiceOf(entry.Request).MaxWaitSeconds, entry.Request.Deadline ?? double.PositiveInfinity);
        entry.Sequence = ++_sequence;
        entry.Rebinds = 0;
        AddWait(entry);
        entry.Due += _options.DueSecondsPerPrefillSecond * choice.PrefillSeconds;
        Bind(entry, choice, now);
    }

    private bool IsShed(RequestEntry entry, in Choice choice)
    {
        var service = ServiceOf(entry.Request);
        // No engine with a fresh signal is as good as a wait without end.
        var wait = choice.Prefill < 0 ? double.PositiveInfinity : choice.Explanation.QueueSeconds;
        if (Shedding.Probability(service, wait) is not (> 0 and var probability) || _random.NextDouble() >= probability)
            return false;
        Refuse(entry, ReasonCodes.Saturated, Math.Min(wait, service.MaxWaitSeconds));
        return true;
    }

    /// <summary>Notes when the wait ends, and drops the notes of waits that are over once those are most.</summary>
    private void AddWait(RequestEntry entry)
    {
        if (_waits.Count >= MinWaitNotes && _waits.Count > 4 * Waiting)
        {
            _waits.Clear();
            foreach (var other in _entries)
            {
                if (other.Phase == RequestPhase.Waiting && other != entry)
                    _waits.Enqueue(other.Ticket, other.WaitUntil);
            }
        }

        _waits.Enqueue(entry.Ticket, entry.WaitUntil);
    }

    /// <summary>
    /// The router is full: the tenant with the most waiting requests loses the one that is due last where most of its
    /// requests wait, so that a flood fills its own share of the queue and nobody else's. False when the tenant that
    /// asks is that tenant.
    /// </summary>
    private bool MakeWay(ModelPool pool, TenantShare asking)
    {
        var most = asking;
        foreach (var tenant in pool.WaitingTenants)
        {
            if (tenant.Waiting > most.Waiting + 1)
                most = tenant;
        }

        if (ReferenceEquals(most, asking))
            return false;
        Lane? longest = pool.Unbound.LongestOf(most, null);
        for (var engine = 0; engine < pool.Places; engine++)
            longest = pool.Find(engine)?.Queue.LongestOf(most, longest) ?? longest;
        if (longest?.Last() is not { } entry)
            return false;
        Unbind(entry);
        Refuse(entry, ReasonCodes.Saturated, ServiceOf(entry.Request).TtftSeconds);
        return true;
    }

    private void Bind(RequestEntry entry, in Choice choice, double now)
    {
        var pool = entry.Pool;
        entry.Choice = choice;
        entry.ChosenAt = now;
        entry.Prefill = choice.Prefill;
        entry.CachedTokens = choice.CachedTokens;
        entry.PrefillSeconds = choice.PrefillSeconds;
        pool.BeginWait(entry.Tenant);
        if (choice.Prefill < 0)
        {
            pool.Unbound.Add(entry);
            return;
        }

        pool.Shared.Place(entry.Request.Blocks.Span, choice.Prefill, entry.Slot);
        pool.Engine(choice.Prefill).Queue.Add(entry);
        pool.Row(choice.Prefill).Waiting[_options.Classes[entry.Request.Class].Priority] += entry.PrefillSeconds;
        entry.Tenant.AddWaiting(choice.Prefill, entry.PrefillSeconds);
        List(pool, choice.Prefill);
    }

    private void Unbind(RequestEntry entry)
    {
        var pool = entry.Pool;
        pool.EndWait(entry.Tenant);
        if (entry.Prefill < 0)
        {
            pool.Unbound.Remove(entry);
            return;
        }

        var queue = pool.Engine(entry.Prefill).Queue;
        queue.Remove(entry);
        ref var row = ref pool.Row(entry.Prefill);
        ref var waiting = ref row.Waiting[_options.Classes[entry.Request.Class].Priority];
        waiting = Math.Max(0, waiting - entry.PrefillSeconds);
        // An empty queue is the moment to take back the drift of floating-point sums, of all classes.
        if (queue.Count == 0)
            row.Waiting = default;
        entry.Tenant.AddWaiting(entry.Prefill, -entry.PrefillSeconds);
        entry.Prefill = -1;
    }

    private void Dispatch(RequestEntry entry, in Choice choice, double now)
    {
        var pool = entry.Pool;
        entry.Decode = choice.Decode;
        entry.Attempts++;
        entry.ReservedKvTokens = entry.Request.KvTokens;
        pool.VirtualTime = entry.Tenant.VirtualTime;
        pool.Shared.Leave(entry.Request.Blocks.Span, entry.Slot);
        BeginPrefill(entry, choice.Prefill, choice.CachedTokens, choice.PrefillSeconds, now);
        entry.RunningAtDispatch = pool.Row(choice.Prefill).Running;
        Reserve(pool, choice.Prefill, entry);
        if (entry.IsPair)
            Reserve(pool, choice.Decode, entry);
        pool.Adapters.Touch(choice.Prefill, entry.Request.Lora);
        pool.Adapters.Touch(choice.Decode, entry.Request.Lora);
        if (entry.Attempts == 1)
            Charge(entry, entry.UncachedTokens + (_options.OutputTokenWeight * entry.Request.ExpectedOutputTokens));
    }

    /// <summary>An engine reads the prompt from now on, after what it was sent before.</summary>
    private void BeginPrefill(RequestEntry entry, int engine, int cachedTokens, double seconds, double now)
    {
        var pool = entry.Pool;
        entry.Phase = RequestPhase.Prefilling;
        entry.Prefill = engine;
        entry.Reader = pool.Engine(engine);
        entry.CachedTokens = cachedTokens;
        entry.PrefillSeconds = seconds;
        entry.DispatchedUncachedTokens = Math.Max(0, entry.UncachedTokens - entry.DeliveredTokens);
        entry.CachedTokensKnown = false;
        ref var row = ref pool.Row(engine);
        TrackBusy(ref row, entry.Reader, now);
        row.BusyUntil = now + row.PrefillingSeconds(now) + seconds;
        if (row.Prefilling++ == 0)
            entry.Reader.ReadingSince = now;
        entry.Reader.Reading.Add(entry);
        entry.Reader.PrefillingSeconds += seconds;
        pool.Index.Speculate(engine, entry.Request.Blocks.Span, now, row.BusyUntil - now);
    }

    private static void Reserve(ModelPool pool, int engine, RequestEntry entry)
    {
        ref var row = ref pool.Row(engine);
        row.Running++;
        if (row.KvFreeTokens != long.MaxValue)
            row.KvFreeTokens -= entry.ReservedKvTokens;
    }

    private void Release(ModelPool pool, int engine, RequestEntry entry)
    {
        ref var row = ref pool.Row(engine);
        row.Running--;
        if (row.KvFreeTokens != long.MaxValue)
            row.KvFreeTokens = Math.Min(
                pool.Engine(engine).Description.KvCapacityTokens, row.KvFreeTokens + entry.ReservedKvTokens);
        List(pool, engine);
        if (pool.DecodeBlocked)
        {
            pool.DecodeBlocked = false;
            for (var e = 0; e < pool.Places; e++)
            {
                if (pool.Find(e) is { Queue.Count: > 0 })
                    List(pool, e);
            }
        }

        pool.FreeWhenEnded(engine);
    }

    /// <summary>Takes a request off whatever it is at; true when an engine had begun with it.</summary>
    private bool Withdraw(RequestEntry entry, double now)
    {
        switch (entry.Phase)
        {
            case RequestPhase.Waiting:
                Unbind(entry);
                return false;
            case RequestPhase.Prefilling:
                AbandonPrefill(entry, now);
                Release(entry.Pool, entry.Decode, entry);
                return false;
            default:
                Release(entry.Pool, entry.Decode, entry);
                return true;
        }
    }

    /// <summary>The engine that was to read the prompt does not: nothing is known of its speed or its cache.</summary>
    private void AbandonPrefill(RequestEntry entry, double now)
    {
        entry.Pool.Index.Retract(entry.Prefill, entry.Request.Blocks.Span);
        StopPrefill(entry, now);
        if (entry.IsPair)
            Release(entry.Pool, entry.Prefill, entry);
    }

    private void List(ModelPool pool, int engine)
    {
        if (pool.Find(engine) is not { Listed: false } state)
            return;
        state.Listed = true;
        _listed.Enqueue((pool, engine));
    }

    private Assignment Describe(
        ModelPool pool, RouteTicket ticket, in Choice choice, in RouteRequest request, RouteKind? kind) => new()
        {
            Ticket = ticket,
            Kind = kind ?? (choice.Prefill == choice.Decode ? RouteKind.Colocated : RouteKind.Disaggregated),
            Prefill = new(pool.Number, choice.Prefill),
            Decode = new(pool.Number, choice.Decode),
            RetainKvSeconds =
                request.NextCallExpectedIn is { } next && next <= _options.MostRetainSeconds ? next : 0,
            Explanation = choice.Explanation,
            State = request.State,
        };
}
