using System.Collections.Concurrent;
using System.Diagnostics;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>
/// Says when a tenant's oldest audit records are to go, and how many: once a hundredth of what is kept has come. Knows
/// about how many there are, because counting them costs a step for each. Thread-safe.
/// </summary>
internal sealed class AuditRetention
{
    /// <summary>Counted anew after so many times: what others wrote or a failed write left out was not noted.</summary>
    private const int CountEvery = 100;

    private readonly ConcurrentDictionary<TenantId, Kept> _kept = [];

    /// <summary>Notes records that are written; the tenants that are to be looked at now.</summary>
    public IReadOnlyList<TenantId> Note(IReadOnlyList<AuditEntry> entries, long maxPerTenant)
    {
        var due = new List<TenantId>();
        foreach (var group in entries.GroupBy(e => e.Tenant))
        {
            var kept = _kept.GetOrAdd(group.Key, static _ => new());
            lock (kept)
            {
                kept.New += group.Count();
                if (kept.New < maxPerTenant / 100)
                    continue;
                kept.Records += kept.New;
                kept.New = 0;
            }

            due.Add(group.Key);
        }

        return due;
    }

    /// <summary>
    /// How many of the oldest are to go; null when the records have to be counted first (<see cref="Counted"/>).
    /// </summary>
    public long? Excess(TenantId tenant, long maxPerTenant)
    {
        var kept = _kept[tenant];
        lock (kept)
        {
            if (kept.Looked++ % CountEvery == 0)
                return null;
            var excess = Math.Max(0, kept.Records - maxPerTenant);
            kept.Records -= excess;
            return excess;
        }
    }

    /// <summary>There are so many records; how many of the oldest are to go.</summary>
    public long Counted(TenantId tenant, long records, long maxPerTenant)
    {
        var kept = _kept[tenant];
        lock (kept)
            kept.Records = Math.Min(records, maxPerTenant);
        return Math.Max(0, records - maxPerTenant);
    }

    /// <summary>
    /// Lets the oldest go, or leaves them for the next time: the new records are kept by now, and who heard of a
    /// failure would write them again.
    /// </summary>
    public static async Task TryAsync(Func<ValueTask<int>> forget)
    {
        try
        {
            await forget().ConfigureAwait(false);
        }
        catch (RuntimeErrorException e)
        {
            Activity.Current?.AddEvent(new($"audit records kept for longer: {e.Error.Code}"));
        }
    }

    private sealed class Kept
    {
        public long New { get; set; }

        public long Records { get; set; }

        public int Looked { get; set; }
    }
}
