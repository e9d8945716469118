using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>
/// The quota of one process's tenants, in memory. A reservation takes from the tenant's minute and day and from the
/// run's budget in one step under the tenant's lock, so concurrent requests cannot overshoot together. The day's money
/// outlives the process: before it is granted it is kept in the store, a slice in advance (decision 0506). Only tenants
/// with limits have state, and its size is bounded by their limits. Thread-safe.
/// </summary>
/// <param name="limits">Whose limits are enforced; read at every call, so that a change is in force at once.</param>
/// <param name="prices">The operator's prices.</param>
/// <param name="spend">Where the day's money is kept; of this process alone.</param>
/// <param name="time">The clock of the windows.</param>
public sealed class QuotaLedger(
    IQuotaLimitSource limits, IPriceBook prices, ISpendStore spend, TimeProvider time) : IQuotaLedger, IAsyncDisposable
{
    /// <summary>
    /// How long a hold lives before it settles by itself as fully used: longer than any request may take.
    /// </summary>
    public static readonly TimeSpan HoldLife = TimeSpan.FromMinutes(15);

    private static readonly QuotaLimits Nothing = new()
    {
        RequestsPerMinute = 0,
        TokensPerMinute = default,
        CostPerDay = default,
        ConcurrentRuns = 0,
    };

    private readonly ConcurrentDictionary<TenantId, TenantAccount> _accounts = [];
    private readonly ConcurrentDictionary<RunId, TenantAccount> _openRuns = [];
    private readonly SemaphoreSlim _loading = new(1, 1);

    /// <inheritdoc/>
    public RuntimeError? TryOpenRun(WorkIdentity run, RunBudget budget)
    {
        ArgumentNullException.ThrowIfNull(run);
        return limits.Find(run.Tenant) is { } tenantLimits
            ? OpenRun(run, budget, tenantLimits.ConcurrentRuns)
            : NoLimits();
    }

    /// <inheritdoc/>
    public void KeepPlace(WorkIdentity run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var id = run.Run ?? throw new ArgumentException("the identity names no run", nameof(run));
        var account = AccountOf(run.Tenant);
        lock (account)
        {
            account.KeepPlace(id);
            _openRuns[id] = account;
        }
    }

    /// <inheritdoc/>
    public RuntimeError? TryReopenRun(WorkIdentity run, RunBudget budget)
    {
        ArgumentNullException.ThrowIfNull(run);
        return limits.Find(run.Tenant) is null ? NoLimits() : OpenRun(run, budget, int.MaxValue);
    }

    /// <inheritdoc/>
    public void CloseRun(RunId run)
    {
        if (!_openRuns.TryRemove(run, out var account))
            return;
        lock (account)
            account.CloseRun(run);
    }

    /// <inheritdoc/>
    public ValueTask<ReserveOutcome> ReserveAsync(Reservation reservation, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reservation);
        cancellationToken.ThrowIfCancellationRequested();
        return Reserve(reservation, out var account, out var keep) is { } outcome
            ? ValueTask.FromResult(outcome)
            : KeepAndReserveAsync(reservation, account!, keep, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<MicroUsd> SettleAsync(QuotaHold hold, InferenceUsage actual, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(hold);
        ArgumentNullException.ThrowIfNull(actual);

        // A price that was withdrawn meanwhile must not make the request free.
        var cost = prices.Find(hold.Reservation.Model) is { } price ? Charge.For(price, actual) : hold.Cost;
        Replace(hold, checked(actual.Prompt.Value + actual.Output.Value), cost.Value);
        return ValueTask.FromResult(cost);
    }

    /// <summary>
    /// Gives tokens and money of a hold back. The request still counts as one of its minute, so that hammering on an
    /// engine that is down is limited too.
    /// </summary>
    /// <inheritdoc/>
    public ValueTask ReleaseAsync(QuotaHold hold, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(hold);
        Replace(hold, 0, 0);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public QuotaStatus Status(TenantId tenant)
    {
        var now = time.GetUtcNow();
        if (limits.Find(tenant) is not { } tenantLimits)
            return new QuotaStatus(Nothing, 0, default, TimeSpan.FromMinutes(1));
        var account = AccountOf(tenant);
        lock (account)
            return account.Status(tenantLimits, now);
    }

    /// <summary>Gives back what was kept in advance; what is still held counts as used.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var (tenant, account) in _accounts)
        {
            DaySpend used;
            lock (account)
            {
                if (!account.IsLoaded)
                    continue;
                used = account.Spend;
            }

            await spend.ReplaceAsync(tenant, used, CancellationToken.None).ConfigureAwait(false);
        }

        _loading.Dispose();
    }

    internal int OpenHolds(TenantId tenant)
    {
        var account = AccountOf(tenant);
        lock (account)
            return account.OpenHolds;
    }

    private RuntimeError? OpenRun(WorkIdentity run, RunBudget budget, int mostRuns)
    {
        ArgumentNullException.ThrowIfNull(budget);
        var id = run.Run ?? throw new ArgumentException("the identity names no run", nameof(run));
        var account = AccountOf(run.Tenant);
        lock (account)
        {
            if (account.TryOpenRun(id, budget, mostRuns) is { } error)
                return error;
            _openRuns[id] = account;
            return null;
        }
    }

    /// <summary>
    /// Without waiting: the outcome, or null with the account that has to be loaded, or to keep more, first.
    /// </summary>
    private ReserveOutcome? Reserve(Reservation reservation, out TenantAccount? account, out DaySpend? keep)
    {
        (account, keep) = (null, null);
        var tenant = reservation.Identity.Tenant;
        if (prices.Find(reservation.Model) is not { } price)
            return new ReserveOutcome.Refused(new RuntimeError(
                ReasonCodes.UnknownPrice,
                "The model has no price, so its use cannot be charged.",
                reservation.Model,
                "Ask the operator to set the model's price."));
        if (limits.Find(tenant) is not { } tenantLimits)
            return new ReserveOutcome.Refused(NoLimits());
        var cost = Charge.AtMost(price, reservation.Prompt, reservation.Output);
        account = AccountOf(tenant);
        lock (account)
            return account.IsLoaded
                ? account.Reserve(reservation, cost, tenantLimits, time.GetUtcNow(), out keep)
                : null;
    }

    private async ValueTask<ReserveOutcome> KeepAndReserveAsync(
        Reservation reservation, TenantAccount account, DaySpend? keep, CancellationToken cancellationToken)
    {
        var tenant = reservation.Identity.Tenant;
        while (true)
        {
            if (keep is null)
            {
                await LoadAsync(tenant, account, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await spend.RaiseAsync(tenant, keep, cancellationToken).ConfigureAwait(false);
                lock (account)
                    account.Kept(keep);
            }

            // Others may have used what was kept, or a limit may have changed: each turn lets one more of them through.
            if (Reserve(reservation, out _, out keep) is { } outcome)
                return outcome;
        }
    }

    /// <summary>One at a time: what a late one read must not replace what was kept since.</summary>
    private async ValueTask LoadAsync(TenantId tenant, TenantAccount account, CancellationToken cancellationToken)
    {
        await _loading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            lock (account)
                if (account.IsLoaded)
                    return;
            var kept = await spend.FindAsync(tenant, cancellationToken).ConfigureAwait(false);
            var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
            if (kept is not null && kept.Day > today.AddDays(1))
            {
                // A clock was far ahead once: its day must not be this tenant's until then.
                kept = kept with { Day = today };
                await spend.ReplaceAsync(tenant, kept, cancellationToken).ConfigureAwait(false);
            }

            lock (account)
                account.Load(kept);
        }
        finally
        {
            _loading.Release();
        }
    }

    private void Replace(QuotaHold hold, long tokens, long cost)
    {
        var account = AccountOf(hold.Reservation.Identity.Tenant);
        lock (account)
            account.Settle(hold, tokens, cost, time.GetUtcNow());
    }

    private TenantAccount AccountOf(TenantId tenant) => _accounts.GetOrAdd(tenant, static _ => new(HoldLife));

    private static RuntimeError NoLimits() => new(
        ReasonCodes.NoPolicy, "The tenant has no policy bundle, so it may use nothing.",
        Action: "Apply a bundle first.");
}
