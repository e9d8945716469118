using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>
/// One tenant's windows, holds and runs. A request is charged to the minute and the day in which it was reserved,
/// however long it takes, so each window's total never exceeds its limit. Not thread-safe: the ledger locks the
/// account around every call.
/// </summary>
internal sealed class TenantAccount
{
    /// <summary>
    /// Parts of the day's money, of which one is kept in advance: what a process that is killed costs the tenant.
    /// </summary>
    private const int Slices = 200;

    /// <summary>
    /// How long a hold lives; all live equally long, so they expire in the order in which they were made.
    /// </summary>
    private readonly TimeSpan _holdLife;

    /// <summary>By reference: two equal holds are two holds.</summary>
    private readonly Dictionary<QuotaHold, OpenHold> _open = new(ReferenceEqualityComparer.Instance);

    private readonly Queue<OpenHold> _expiring = [];

    /// <summary>The runs under way; null for one whose budget is not known yet.</summary>
    private readonly Dictionary<RunId, RunAccount?> _runs = [];

    private long _minute;
    private long _day;

    /// <summary>How many minutes have begun. A clock that steps back gives the same one a second time.</summary>
    private long _minuteWindow;

    /// <summary>How many days have begun.</summary>
    private long _dayWindow;

    private int _requests;
    private long _minuteTokens;
    private long _dayCost;

    /// <summary>What is kept of the day's money over restarts; never less than what was granted.</summary>
    private long _kept;

    public TenantAccount(TimeSpan holdLife) => _holdLife = holdLife;

    public int OpenHolds => _open.Count;

    /// <summary>Whether it has heard what was spent before this process; nothing is granted until then.</summary>
    public bool IsLoaded { get; private set; }

    /// <summary>The day's money that is used or held.</summary>
    public DaySpend Spend => new(Date(_day), new(_dayCost));

    /// <summary>What was kept before this process; null for nothing.</summary>
    public void Load(DaySpend? kept)
    {
        if (IsLoaded)
            return;
        IsLoaded = true;
        if (kept is not null)
            (_day, _dayCost, _kept) = (kept.Day.DayNumber, kept.Spent.Value, kept.Spent.Value);
    }

    /// <summary>So much is kept now.</summary>
    public void Kept(DaySpend spend)
    {
        if (spend.Day.DayNumber == _day)
            _kept = Math.Max(_kept, spend.Spent.Value);
    }

    public RuntimeError? TryOpenRun(RunId run, RunBudget budget, int mostRuns)
    {
        var hasPlace = _runs.TryGetValue(run, out var open);
        if (open is not null)
            return null;
        if (!hasPlace && _runs.Count >= mostRuns)
            return new RuntimeError(
                ReasonCodes.ConcurrencyQuota,
                $"The tenant already has {_runs.Count} runs under way, as many as it may.",
                Action: "Wait for one to end, or ask for a higher quota.") { RetryAfter = TimeSpan.FromSeconds(1) };
        _runs[run] = new RunAccount(budget);
        return null;
    }

    /// <summary>Counts a run whose budget is not known yet.</summary>
    public void KeepPlace(RunId run) => _runs.TryAdd(run, null);

    public void CloseRun(RunId run) => _runs.Remove(run);

    /// <summary>
    /// Takes a hold, or says why not; null when more must be kept first, which is then told, or else when it must be
    /// loaded again.
    /// </summary>
    public ReserveOutcome? Reserve(
        Reservation reservation, MicroUsd cost, QuotaLimits limits, DateTimeOffset now, out DaySpend? keep)
    {
        keep = null;
        Advance(now);
        if (!IsLoaded)
            return null;
        var tokens = checked(reservation.Prompt.Value + reservation.Output.Value);
        RunAccount? run = null;
        if (reservation.Identity.Run is { } id && (run = _runs.GetValueOrDefault(id)) is null)
            return Refused(ReasonCodes.RunBudget, "The run is not under way, so it has no budget.");
        if (Refusal(run, tokens, cost.Value, limits, now) is { } error)
            return new ReserveOutcome.Refused(error);
        if (_dayCost + cost.Value > _kept)
        {
            keep = new(Date(_day), new(KeepAhead(cost.Value, limits.CostPerDay.Value)));
            return null;
        }

        _requests++;
        _minuteTokens += tokens;
        _dayCost += cost.Value;
        run?.Add(tokens, cost.Value);
        var hold = new QuotaHold(reservation, cost, now + _holdLife);
        var open = new OpenHold(hold, tokens, run, _minuteWindow, _dayWindow);
        _open.Add(hold, open);
        _expiring.Enqueue(open);
        return new ReserveOutcome.Granted(hold);
    }

    /// <summary>Replaces the hold by what was used; nothing when it is not open any more.</summary>
    public void Settle(QuotaHold hold, long tokens, long cost, DateTimeOffset now)
    {
        Advance(now);
        if (!_open.Remove(hold, out var open))
            return;
        if (open.MinuteWindow == _minuteWindow)
            _minuteTokens += tokens - open.Tokens;
        if (open.DayWindow == _dayWindow)
            _dayCost += cost - hold.Cost.Value;
        open.Run?.Add(tokens - open.Tokens, cost - hold.Cost.Value);
    }

    public QuotaStatus Status(QuotaLimits limits, DateTimeOffset now)
    {
        Advance(now);
        return new QuotaStatus(
            limits,
            Math.Max(0, limits.RequestsPerMinute - _requests),
            new TokenCount(Math.Max(0, limits.TokensPerMinute.Value - _minuteTokens)),
            Left(now, _minute, TimeSpan.TicksPerMinute));
    }

    private RuntimeError? Refusal(RunAccount? run, long tokens, long cost, QuotaLimits limits, DateTimeOffset now)
    {
        var minuteLeft = Left(now, _minute, TimeSpan.TicksPerMinute);
        if (_requests >= limits.RequestsPerMinute)
            return new RuntimeError(
                ReasonCodes.RequestQuota,
                $"The tenant's {limits.RequestsPerMinute} requests of this minute are used up.",
                Action: "Wait until the minute ends.") { RetryAfter = minuteLeft };
        if (tokens > limits.TokensPerMinute.Value - _minuteTokens)
            return new RuntimeError(
                ReasonCodes.TokenQuota,
                $"The request needs up to {tokens} tokens; of the {limits.TokensPerMinute} of this minute "
                    + $"{Math.Max(0, limits.TokensPerMinute.Value - _minuteTokens)} are neither used nor held.",
                Action: "Wait until the minute ends, or ask for fewer output tokens.")
            {
                RetryAfter = tokens <= limits.TokensPerMinute.Value ? minuteLeft : null,
            };
        if (cost > limits.CostPerDay.Value - _dayCost)
            return new RuntimeError(
                ReasonCodes.MoneyBudget,
                $"The request may cost {new MicroUsd(cost)}; of the {limits.CostPerDay} of this day "
                    + $"{new MicroUsd(Math.Max(0, limits.CostPerDay.Value - _dayCost))} are neither used nor held.",
                Action: "Wait until the UTC day ends, or ask for a higher budget.")
            {
                RetryAfter = cost <= limits.CostPerDay.Value ? Left(now, _day, TimeSpan.TicksPerDay) : null,
            };
        return run?.Refusal(tokens, cost);
    }

    /// <summary>
    /// Starts new windows and settles expired holds as fully used, which leaves the charges as they are.
    /// </summary>
    private void Advance(DateTimeOffset now)
    {
        var minute = now.UtcTicks / TimeSpan.TicksPerMinute;
        var day = now.UtcTicks / TimeSpan.TicksPerDay;

        // A clock that steps back must not reopen a window that was used up. One that was far ahead once must not close
        // all windows until then: what was used stays used, and the next window begins in time. The day is read again,
        // so that the one that is kept is set right too.
        if (minute > _minute)
            (_minute, _minuteWindow, _requests, _minuteTokens) = (minute, _minuteWindow + 1, 0, 0);
        else if (minute < _minute - 1)
            _minute = minute;
        if (day > _day)
            (_day, _dayWindow, _dayCost, _kept) = (day, _dayWindow + 1, 0, 0);
        else if (day < _day - 1)
            (_day, IsLoaded) = (day, false);
        while (_expiring.TryPeek(out var first) && (first.Hold.ExpiresAt <= now || !_open.ContainsKey(first.Hold)))
            _open.Remove(_expiring.Dequeue().Hold);
    }

    /// <summary>What is kept in advance, so that not every request writes.</summary>
    private long KeepAhead(long cost, long limit)
    {
        var needed = _dayCost + cost;
        return Math.Min(limit - needed, limit / Slices) + needed;
    }

    private static DateOnly Date(long day) => DateOnly.FromDayNumber((int)day);

    /// <summary>Until a window ends, which begins after now where the clock has stepped back.</summary>
    private static TimeSpan Left(DateTimeOffset now, long number, long ticks) =>
        TimeSpan.FromTicks((number + 1) * ticks - now.UtcTicks);

    private static ReserveOutcome.Refused Refused(ReasonCode code, string message) =>
        new(new RuntimeError(code, message));

    private sealed class OpenHold(QuotaHold hold, long tokens, RunAccount? run, long minuteWindow, long dayWindow)
    {
        public QuotaHold Hold { get; } = hold;

        public long Tokens { get; } = tokens;

        public RunAccount? Run { get; } = run;

        public long MinuteWindow { get; } = minuteWindow;

        public long DayWindow { get; } = dayWindow;
    }
}
