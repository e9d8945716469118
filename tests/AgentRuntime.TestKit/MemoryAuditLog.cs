using AgentRuntime.Abstractions;

namespace AgentRuntime.TestKit;

/// <summary>Audit records in memory, durable at once. Thread-safe.</summary>
public sealed class MemoryAuditLog : IAuditLog
{
    private readonly Lock _lock = new();
    private readonly List<(TenantId Tenant, AuditRecord Record)> _records = [];

    /// <summary>While true, no record is taken.</summary>
    public bool IsFull { get; set; }

    /// <summary>What was handed over, in order.</summary>
    public IReadOnlyList<AuditData> Entries
    {
        get
        {
            lock (_lock)
                return _records.Select(r => r.Record.Data).ToList();
        }
    }

    /// <inheritdoc/>
    public bool TryAppend(AuditEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (IsFull)
            return false;
        lock (_lock)
            _records.Add((entry.Tenant, new(_records.Count + 1, entry.At, entry.Data)));
        return true;
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => default;

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<AuditRecord>> ReadAsync(
        TenantId tenant, AuditQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        lock (_lock)
        {
            var fitting = _records
                .Where(r => r.Tenant == tenant && (query.Kind is null || r.Record.Data.Kind == query.Kind))
                .Select(r => r.Record)
                .Where(r => r.At >= (query.Since ?? DateTimeOffset.MinValue)
                    && r.Id > (query.After ?? 0) && r.Id < (query.Before ?? long.MaxValue));
            return new((query.After is null ? fitting.Reverse() : fitting).Take(query.Limit).ToList());
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<AuditRecord>> ReadHoldsAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        var holds = new List<AuditRecord>();
        lock (_lock)
        {
            foreach (var (_, record) in _records.Where(r => r.Tenant == tenant))
            {
                if (record.Data is not ThreatFound { OfAgent: true } found)
                    continue;
                holds.RemoveAll(h =>
                    h.Data is ThreatFound held && held.Agent == found.Agent
                        && (found.Until is null || held.Rule == found.Rule));
                if (found.Until is not null)
                    holds.Add(record);
            }
        }

        return new(holds);
    }
}
