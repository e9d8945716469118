using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>A database in a folder of its own, which goes when it is disposed.</summary>
internal sealed class SqliteFile : IAsyncDisposable
{
    /// <summary>Takes away what the newest version of the schema added: before it a file had none of that.</summary>
    public const string BeforeRooms =
        """
        DROP TABLE tenant_modules; DROP INDEX agents_of_module;
        DROP INDEX runs_ended; ALTER TABLE runs DROP COLUMN bytes;
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("agentruntime-storage-");
    private readonly SqliteDatabase _database;

    public SqliteFile()
    {
        _database = SqliteDatabase.Open(Path);
        Tenants = new SqliteTenantStore(_database, TimeProvider.System);
        Agents = new SqliteAgentStore(_database, TimeProvider.System);
        Journal = new SqliteRunJournal(_database, TimeProvider.System);
        Bundles = new SqliteBundleStore(_database);
        Audit = new SqliteAuditStore(_database);
        Memory = new SqliteMemoryStore(_database);
        Spend = new SqliteSpendStore(_database);
        Storage = new SqliteTenantStorage(_database);
    }

    public string Path => System.IO.Path.Combine(_folder.FullName, "state.db");

    public ITenantStore Tenants { get; }

    public IAgentStore Agents { get; }

    public IRunJournal Journal { get; }

    public IBundleStore Bundles { get; }

    public IAuditStore Audit { get; }

    public IMemoryStore Memory { get; }

    public ISpendStore Spend { get; }

    public ITenantStorage Storage { get; }

    public SqliteDatabase Database => _database;

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
