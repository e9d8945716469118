using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane.Tests;

/// <summary>The port's contract over a dictionary; can be told to fail, and to wait.</summary>
internal sealed class MemorySpendStore : ISpendStore
{
    private readonly ConcurrentDictionary<TenantId, DaySpend> _kept = new();

    public int Writes { get; private set; }

    public bool Fails { get; set; }

    public ValueTask<DaySpend?> FindAsync(TenantId tenant, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_kept.GetValueOrDefault(tenant));

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
