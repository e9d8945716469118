using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>Tenants' spending of their latest day in PostgreSQL. Thread-safe. Failures are AR8002.</summary>
public sealed class PostgresSpendStore(PostgresDatabase database) : ISpendStore
{
    /// <inheritdoc/>
    public ValueTask<DaySpend?> FindAsync(TenantId tenant, CancellationToken cancellationToken) => database.RunAsync(
        db => db.FirstAsync(
            "SELECT day, micro_usd FROM tenant_spend WHERE tenant = $1",
            r => new DaySpend(DateOnly.FromDayNumber(r.GetInt32(0)), new(r.GetInt64(1))),
            cancellationToken,
            tenant.ToString()),
        cancellationToken);

    /// <inheritdoc/>
    public ValueTask RaiseAsync(TenantId tenant, DaySpend spend, CancellationToken cancellationToken) => WriteAsync(
        """
        INSERT INTO tenant_spend AS kept (tenant, day, micro_usd) VALUES ($1, $2, $3)
        ON CONFLICT (tenant) DO UPDATE SET
            day = excluded.day,
            micro_usd = CASE WHEN kept.day = excluded.day THEN greatest(kept.micro_usd, excluded.micro_usd)
                ELSE excluded.micro_usd END
        WHERE kept.day <= excluded.day
        """,
        tenant, spend, cancellationToken);

    /// <inheritdoc/>
    public ValueTask ReplaceAsync(TenantId tenant, DaySpend spend, CancellationToken cancellationToken) => WriteAsync(
        """
        INSERT INTO tenant_spend (tenant, day, micro_usd) VALUES ($1, $2, $3)
        ON CONFLICT (tenant) DO UPDATE SET day = excluded.day, micro_usd = excluded.micro_usd
        """,
        tenant, spend, cancellationToken);

    private async ValueTask WriteAsync(
        string statement, TenantId tenant, DaySpend spend, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spend);
        await database.WriteAsync(
            statement, cancellationToken, tenant.ToString(), spend.Day.DayNumber, spend.Spent.Value)
            .ConfigureAwait(false);
    }
}
