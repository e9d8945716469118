namespace AgentRuntime.Abstractions;

/// <summary>
/// What tenants may have spent of a day's money, kept over restarts: one entry for each tenant, the latest day's.
/// Thread-safe. Failures are AR8002.
/// </summary>
public interface ISpendStore
{
    /// <summary>A tenant's latest day; null when nothing is known of it.</summary>
    ValueTask<DaySpend?> FindAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>
    /// Keeps at least so much of that day; an earlier day than the one that is kept changes nothing. It survives a
    /// power cut once the task has completed.
    /// </summary>
    ValueTask RaiseAsync(TenantId tenant, DaySpend spend, CancellationToken cancellationToken);

    /// <summary>Replaces what is kept: what was raised in advance and not used is given back.</summary>
    ValueTask ReplaceAsync(TenantId tenant, DaySpend spend, CancellationToken cancellationToken);
}

/// <summary>Money of one UTC day. Immutable.</summary>
/// <param name="Day">The day.</param>
/// <param name="Spent">What has been spent at most.</param>
public sealed record DaySpend(DateOnly Day, MicroUsd Spent);
