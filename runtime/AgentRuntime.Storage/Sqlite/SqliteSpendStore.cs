using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>Tenants' spending of their latest day in SQLite. Thread-safe. Failures are AR8002.</summary>
public sealed class SqliteSpendStore(SqliteDatabase database) : ISpendStore
{
    /// <inheritdoc/>
    public ValueTask<DaySpend?> FindAsync(TenantId tenant, CancellationToken cancellationToken) => database.ReadAsync(
        db => db.First(
            "SELECT day, micro_usd FROM tenant_spend WHERE tenant = $tenant",
            r => new DaySpend(DateOnly.FromDayNumber(r.GetInt32(0)), new(r.GetInt64(1))),
            ("$tenant", tenant.ToString())),
        cancellationToken);

    /// <inheritdoc/>
    public ValueTask RaiseAsync(TenantId tenant, DaySpend spend, CancellationToken cancellationToken) => WriteAsync(
        """
        INSERT INTO tenant_spend (tenant, day, micro_usd) VALUES ($tenant, $day, $spent)
        ON CONFLICT (tenant) DO UPDATE SET
            day = excluded.day,
            micro_usd = CASE WHEN day = excluded.day THEN max(micro_usd, excluded.micro_usd) ELSE excluded.micro_usd END
        WHERE day <= excluded.day
        """,
        tenant, spend, cancellationToken);

    /// <inheritdoc/>
    public ValueTask ReplaceAsync(TenantId tenant, DaySpend spend, CancellationToken cancellationToken) => WriteAsync(
        """
        INSERT INTO tenant_spend (tenant, day, micro_usd) VALUES ($tenant, $day, $spent)
        ON CONFLICT (tenant) DO UPDATE SET day = excluded.day, micro_usd = excluded.micro_usd
        """,
        tenant, spend, cancellationToken);

    private async ValueTask WriteAsync(
        string statement, TenantId tenant, DaySpend spend, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spend);
        await database.WriteAsync(
            db => db.Execute(
                statement, ("$tenant", tenant.ToString()), ("$day", spend.Day.DayNumber),
                ("$spent", spend.Spent.Value)),
            cancellationToken).ConfigureAwait(false);
    }
}
