using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

public sealed class SqliteRunJournalTests : RunJournalContract
{
    private readonly SqliteFile _file = new();

    protected override IRunJournal Journal => _file.Journal;

    public override Task InitializeAsync() => Task.CompletedTask;

    public override Task DisposeAsync() => _file.DisposeAsync().AsTask();
}

public sealed class SqliteTenantStoreTests : TenantStoreContract
{
    private readonly SqliteFile _file = new();

    protected override ITenantStore Tenants => _file.Tenants;

    public override Task InitializeAsync() => Task.CompletedTask;

    public override Task DisposeAsync() => _file.DisposeAsync().AsTask();
}

public sealed class SqliteAgentStoreTests : AgentStoreContract
{
    private readonly SqliteFile _file = new();

    protected override ITenantStore Tenants => _file.Tenants;

    protected override IAgentStore Agents => _file.Agents;

    public override Task InitializeAsync() => Task.CompletedTask;

    public override Task DisposeAsync() => _file.DisposeAsync().AsTask();
}

public sealed class SqliteBundleStoreTests : BundleStoreContract
{
    private readonly SqliteFile _file = new();

    protected override IBundleStore Bundles => _file.Bundles;

    public override Task InitializeAsync() => Task.CompletedTask;

    public override Task DisposeAsync() => _file.DisposeAsync().AsTask();
}

public sealed class SqliteAuditStoreTests : AuditStoreContract
{
    private readonly SqliteFile _file = new();

    protected override IAuditStore Audit => _file.Audit;

    public override Task InitializeAsync() => Task.CompletedTask;

    public override Task DisposeAsync() => _file.DisposeAsync().AsTask();
}

public sealed class SqliteMemoryStoreTests : MemoryStoreContract
{
    private readonly SqliteFile _file = new();

    protected override IMemoryStore Memory => _file.Memory;

    public override Task InitializeAsync() => Task.CompletedTask;

    public override Task DisposeAsync() => _file.DisposeAsync().AsTask();
}

public sealed class SqliteTenantStorageTests : TenantStorageContract
{
    private readonly SqliteFile _file = new();

    protected override ITenantStore Tenants => _file.Tenants;

    protected override IRunJournal Journal => _file.Journal;

    protected override ITenantStorage Storage => _file.Storage;

    protected override IAgentStore AgentsWithin(StorageLimits limits) =>
        new SqliteAgentStore(_file.Database, TimeProvider.System, limits);

    protected override IMemoryStore MemoryWithin(StorageLimits limits) => new SqliteMemoryStore(_file.Database, limits);

    public override Task InitializeAsync() => Task.CompletedTask;

    public override Task DisposeAsync() => _file.DisposeAsync().AsTask();
}

public sealed class SqliteSpendStoreTests : SpendStoreContract
{
    private readonly SqliteFile _file = new();

    protected override ISpendStore Spend => _file.Spend;

    public override Task InitializeAsync() => Task.CompletedTask;

    public override Task DisposeAsync() => _file.DisposeAsync().AsTask();
}
