using AgentRuntime.Abstractions;
using AgentRuntime.Host.Configuration;
using AgentRuntime.Storage;

namespace AgentRuntime.Host.Composition;

/// <summary>
/// The database that holds all state, behind the ports of its stores: a file in the state folder, or PostgreSQL.
/// Owns the database.
/// </summary>
internal sealed class StateStores : IAsyncDisposable
{
    /// <summary>How soon a lost claim is noticed.</summary>
    private static readonly TimeSpan ClaimWatch = TimeSpan.FromSeconds(3);

    private readonly IAsyncDisposable _database;

    private StateStores(SqliteDatabase database, StorageLimits limits)
    {
        _database = database;
        Tenants = new SqliteTenantStore(database, TimeProvider.System);
        Agents = new SqliteAgentStore(database, TimeProvider.System, limits);
        Bundles = new SqliteBundleStore(database);
        Audit = new SqliteAuditStore(database);
        Memory = new SqliteMemoryStore(database, limits);
        Runs = new SqliteRunJournal(database, TimeProvider.System);
        Spend = new SqliteSpendStore(database);
        Storage = new SqliteTenantStorage(database);
    }

    private StateStores(PostgresDatabase database, StorageLimits limits)
    {
        _database = database;
        Tenants = new PostgresTenantStore(database, TimeProvider.System);
        Agents = new PostgresAgentStore(database, TimeProvider.System, limits);
        Bundles = new PostgresBundleStore(database);
        Audit = new PostgresAuditStore(database);
        Memory = new PostgresMemoryStore(database, limits);
        Runs = new PostgresRunJournal(database, TimeProvider.System);
        Spend = new PostgresSpendStore(database);
        Storage = new PostgresTenantStorage(database);
    }

    public ITenantStore Tenants { get; }

    public IAgentStore Agents { get; }

    public IBundleStore Bundles { get; }

    public IAuditStore Audit { get; }

    public IMemoryStore Memory { get; }

    public IRunJournal Runs { get; }

    public ISpendStore Spend { get; }

    public ITenantStorage Storage { get; }

    /// <exception cref="RuntimeErrorException">
    /// AR8002: it cannot be opened, or another platform works with the same PostgreSQL database.
    /// </exception>
    public static async Task<StateStores> OpenAsync(PlatformOptions options, CancellationToken cancellationToken)
    {
        if (options.PostgresVariable is not { } variable)
            return new(SqliteDatabase.Open(Path.Combine(options.State, "agentruntime.db")), options.Storage.Limits);
        return new(
            await PostgresDatabase.ClaimAsync(Environment.GetEnvironmentVariable(variable)!, cancellationToken),
            options.Storage.Limits);
    }

    /// <summary>Completes only when the database is this platform's no longer.</summary>
    /// <exception cref="RuntimeErrorException">AR8002: the claim on it is lost.</exception>
    public Task WatchAsync(CancellationToken cancellationToken) => _database is PostgresDatabase postgres
        ? postgres.WatchClaimAsync(ClaimWatch, TimeProvider.System, cancellationToken)
        : Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);

    public ValueTask DisposeAsync() => _database.DisposeAsync();
}
