using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane.Tests;

/// <summary>The port's contract over a dictionary; can be told to fail, and to wait.</summary>
internal sealed class MemorySpendStore : ISpendStore
{
    private readonly ConcurrentDictionary<TenantId, DaySpend> _kept = new();

    public int Writes { get; private set; }

    /// <summary>How often a tenant's day was read.</summary>
    public int Finds { get; private set; }

    public bool Fails { get; set; }

    /// <summary>What an answer waits for once the day has been read.</summary>
    public Task Answers { get; set; } = Task.CompletedTask;

    public async ValueTask<DaySpend?> FindAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        Finds++;
        var kept = _kept.GetValueOrDefault(tenant);
        await Answers;
        return kept;
    }

    public async ValueTask RaiseAsync(TenantId tenant, DaySpend spend, CancellationToken cancellationToken)
    {
        await Task.Yield();
        if (Fails)
            throw new RuntimeErrorException(new RuntimeError(ReasonCodes.StorageFailed, "The disk is full."));
        Writes++;
        _kept.AddOrUpdate(tenant, spend, (_, old) =>
            old.Day > spend.Day || (old.Day == spend.Day && old.Spent.Value >= spend.Spent.Value) ? old : spend);
    }

    public ValueTask ReplaceAsync(TenantId tenant, DaySpend spend, CancellationToken cancellationToken)
    {
        _kept[tenant] = spend;
        return ValueTask.CompletedTask;
    }
}
