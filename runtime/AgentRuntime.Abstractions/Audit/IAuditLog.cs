namespace AgentRuntime.Abstractions;

/// <summary>
/// What was decided, and what was done about it, for whoever has to prove it later. Records are handed over in the
/// path of decisions and made durable behind it, in order. Thread-safe.
/// </summary>
public interface IAuditLog
{
    /// <summary>Hands a record over; never waits. It is durable at the next <see cref="FlushAsync"/>.</summary>
    /// <returns>
    /// False when too many records wait to be written: what the record is about must then not be done (AR2015).
    /// </returns>
    bool TryAppend(AuditEntry entry);

    /// <summary>Completes when everything that was handed over before is durable.</summary>
    /// <exception cref="RuntimeErrorException">AR8002: some of it could not be written.</exception>
    ValueTask FlushAsync(CancellationToken cancellationToken);

    /// <summary>A tenant's records; what was handed over before is among them.</summary>
    /// <exception cref="RuntimeErrorException">AR8002.</exception>
    ValueTask<IReadOnlyList<AuditRecord>> ReadAsync(
        TenantId tenant, AuditQuery query, CancellationToken cancellationToken);

    /// <summary>
    /// What threat rules hold against a tenant's agents, oldest first; what was handed over before is among them.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR8002.</exception>
    ValueTask<IReadOnlyList<AuditRecord>> ReadHoldsAsync(TenantId tenant, CancellationToken cancellationToken);
}

/// <summary>
/// Keeps audit records, a bounded number for each tenant: the oldest go first. What a threat rule holds against an
/// agent (<see cref="ThreatFound.OfAgent"/>) is kept beside them for as long as it holds: more depends on it than
/// proof. Thread-safe. Failures are AR8002.
/// </summary>
public interface IAuditStore
{
    /// <summary>Keeps records in the order given; all or none.</summary>
    /// <param name="entries">The records, of any tenants.</param>
    /// <param name="maxPerTenant">
    /// How many of each tenant are kept, and at most a hundredth more; older ones go.
    /// </param>
    /// <param name="cancellationToken">Cancels before anything is kept.</param>
    ValueTask AppendAsync(
        IReadOnlyList<AuditEntry> entries, long maxPerTenant, CancellationToken cancellationToken);

    /// <summary>A tenant's records.</summary>
    ValueTask<IReadOnlyList<AuditRecord>> ReadAsync(
        TenantId tenant, AuditQuery query, CancellationToken cancellationToken);

    /// <summary>
    /// The records of threat rules that hold against a tenant's agents, oldest first: of each agent and rule the last
    /// one, unless it was lifted since. Some may be over by now. Their ids are not those of the other records.
    /// </summary>
    ValueTask<IReadOnlyList<AuditRecord>> ReadHoldsAsync(TenantId tenant, CancellationToken cancellationToken);
}

/// <summary>A record to be kept. Immutable.</summary>
public sealed record AuditEntry(TenantId Tenant, DateTimeOffset At, AuditData Data);

/// <summary>A kept record. Immutable.</summary>
/// <param name="Id">Grows with time, with gaps.</param>
/// <param name="At">When it happened.</param>
/// <param name="Data">What happened.</param>
public sealed record AuditRecord(long Id, DateTimeOffset At, AuditData Data);

/// <summary>Which records to read. Immutable.</summary>
public sealed record AuditQuery
{
    /// <summary>The most records that one read returns.</summary>
    public const int MaxLimit = 1_000;

    /// <summary>Only records of this kind; null for all.</summary>
    public string? Kind { get; init; }

    /// <summary>Only records of this time or later; null for all.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Only records after this one, oldest first; null for the newest ones, newest first.</summary>
    public long? After { get; init; }

    /// <summary>Newest first: only records before this one.</summary>
    public long? Before { get; init; }

    /// <summary>At most this many, up to <see cref="MaxLimit"/>. Default 1,000.</summary>
    public int Limit { get; init; } = MaxLimit;
}
