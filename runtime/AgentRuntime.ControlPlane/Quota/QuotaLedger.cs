using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>
/// The quota of one process's tenants, in memory. A reservation takes from the tenant's minute and day and from the
/// run's budget in one step under the tenant's lock, so concurrent requests cannot overshoot together. Only tenants
/// with limits have state, and its size is bounded by their limits. Thread-safe.
/// </summary>
/// <param name="limits">Whose limits are enforced; read at every call, so that a change is in force at once.</param>
/// <param name="prices">The operator's prices.</param>
/// <param name="time">The clock of the windows.</param>
public sealed class QuotaLedger(IQuotaLimitSource limits, IPriceBook prices, TimeProvider time) : IQuotaLedger
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

    /// <inheritdoc/>
    public RuntimeError? TryOpenRun(WorkIdentity run, RunBudget budget)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(budget);
        var id = run.Run ?? throw new ArgumentException("the identity names no run", nameof(run));
        if (limits.Find(run.Tenant) is not { } tenantLimits)
            return NoLimits();
        var account = AccountOf(run.Tenant);
        lock (account)
        {
            if (account.TryOpenRun(id, budget, tenantLimits) is { } error)
                return error;
            _openRuns[id] = account;
            return null;
        }
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
        return ValueTask.FromResult(Reserve(reservation));
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

    internal int OpenHolds(TenantId tenant)
    {
        var account = AccountOf(tenant);
        lock (account)
            return account.OpenHolds;
    }

    private ReserveOutcome Reserve(Reservation reservation)
    {
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
        var account = AccountOf(tenant);
        lock (account)
            return account.Reserve(reservation, cost, tenantLimits, time.GetUtcNow());
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
