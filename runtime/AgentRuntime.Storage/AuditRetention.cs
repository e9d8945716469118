using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>
/// Says when a tenant's oldest audit records are to go: once a hundredth of what is kept has come, because finding the
/// oldest costs more than writing. Thread-safe.
/// </summary>
internal sealed class AuditRetention
{
    private readonly ConcurrentDictionary<TenantId, long> _since = [];

    /// <summary>Notes records that were kept; the tenants whose oldest are to go now.</summary>
    public IReadOnlyList<TenantId> Note(IReadOnlyList<AuditEntry> entries, long maxPerTenant)
    {
        var due = new List<TenantId>();
        foreach (var group in entries.GroupBy(e => e.Tenant))
        {
            if (_since.AddOrUpdate(group.Key, group.Count(), (_, n) => n + group.Count()) < maxPerTenant / 100)
                continue;
            _since[group.Key] = 0;
            due.Add(group.Key);
        }

        return due;
    }
}
