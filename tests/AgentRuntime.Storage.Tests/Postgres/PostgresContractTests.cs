using System.Reflection;
using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;
using Npgsql;
using Xunit.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>
/// Runs every contract test against PostgreSQL, each over a database of its own, where PostgreSQL is installed.
/// </summary>
public sealed class PostgresContractTests(PostgresServer server, ITestOutputHelper output)
    : IClassFixture<PostgresServer>
{
    /// <summary>Takes away what the newest versions added.</summary>
    private const string BeforeRooms =
        "DROP TABLE platform_claim; DROP FUNCTION platform_fence; "
        + "DROP TABLE tenant_modules; DROP INDEX agents_of_module; ALTER TABLE runs DROP COLUMN bytes CASCADE";

    private static readonly Dictionary<string, Func<PostgresDatabase, IAsyncLifetime>> Contracts = new()
    {
        ["run journal"] = db => new RunJournal(db),
        ["tenant store"] = db => new TenantStore(db),
        ["agent store"] = db => new AgentStore(db),
        ["bundle store"] = db => new BundleStore(db),
        ["audit store"] = db => new AuditStore(db),
        ["memory store"] = db => new MemoryStore(db),
        ["spend store"] = db => new SpendStore(db),
        ["tenant storage"] = db => new TenantStorage(db),
    };

    public static TheoryData<string, string> Tests()
    {
        var tests = new TheoryData<string, string>();
        foreach (var (name, type) in new[]
        {
            ("run journal", typeof(RunJournalContract)),
            ("tenant store", typeof(TenantStoreContract)),
            ("agent store", typeof(AgentStoreContract)),
            ("bundle store", typeof(BundleStoreContract)),
            ("audit store", typeof(AuditStoreContract)),
            ("memory store", typeof(MemoryStoreContract)),
            ("spend store", typeof(SpendStoreContract)),
            ("tenant storage", typeof(TenantStorageContract)),
        })
            foreach (var test in type.GetMethods().Where(m => m.GetCustomAttribute<FactAttribute>() is not null))
                tests.Add(name, test.Name);
        return tests;
    }

    [Theory]
    [MemberData(nameof(Tests))]
    public async Task Keeps_the_contract(string contract, string test)
    {
        if (!server.IsAvailable)
        {
            output.WriteLine(PostgresServer.NotInstalled);
            return;
        }
        // As a platform does, whose writes have to pass the fence.
        await using var database = await PostgresDatabase.ClaimAsync(await server.NewDatabaseAsync(), default);
        var tests = Contracts[contract](database);
        await (Task)tests.GetType().GetMethod(test)!.Invoke(tests, null)!;
    }

    [Fact]
    public async Task Processes_that_start_together_agree_on_the_schema()
    {
        if (!server.IsAvailable)
        {
            output.WriteLine(PostgresServer.NotInstalled);
            return;
        }
        var connection = await server.NewDatabaseAsync();
        var databases = await Task.WhenAll(
            Enumerable.Range(0, 4).Select(_ => PostgresDatabase.OpenAsync(connection, default)));
        foreach (var database in databases)
        {
            await new PostgresTenantStore(database, TimeProvider.System).EnsureTenantAsync("acme", default);
            await database.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_database_of_an_older_version_keeps_what_holds_against_agents()
    {
        if (!server.IsAvailable)
        {
            output.WriteLine(PostgresServer.NotInstalled);
            return;
        }
        var connection = await server.NewDatabaseAsync();
        var at = new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
        var held = new ThreatFound("rule", "quarantine_agent", "demo/a", "5 denials") { OfAgent = true, Until = at };
        await using (var database = await PostgresDatabase.OpenAsync(connection, default))
        {
            ThreatFound[] found =
            [
                held with { Detail = "before" },
                held with { Agent = "demo/lifted" },
                new("rule", "warn", "demo/a", "nothing that lasts"),
                new("", "lift", "demo/lifted", "lifted") { OfAgent = true },
                held,
                held with { Rule = "other" },
            ];
            await new PostgresAuditStore(database).AppendAsync(
                [.. found.Select(f => new AuditEntry(Given.Tenant(1), at, f))], 100, default);
            await using var source = NpgsqlDataSource.Create(connection);
            await using var older = source.CreateCommand(
                "DROP TABLE threat_holds; UPDATE schema_version SET taken = 4; " + BeforeRooms);
            await older.ExecuteNonQueryAsync();
        }

        await using var again = await PostgresDatabase.OpenAsync(connection, default);
        var kept = await new PostgresAuditStore(again).ReadHoldsAsync(Given.Tenant(1), default);
        Assert.Equal([held, held with { Rule = "other" }], kept.Select(r => r.Data));
        Assert.All(kept, r => Assert.Equal(at, r.At));
    }

    [Fact]
    public async Task A_database_of_an_older_version_knows_what_its_tenants_keep()
    {
        if (!server.IsAvailable)
        {
            output.WriteLine(PostgresServer.NotInstalled);
            return;
        }
        var connection = await server.NewDatabaseAsync();
        (TenantId Tenant, StorageUse Use) expected;
        await using (var database = await PostgresDatabase.OpenAsync(connection, default))
        {
            expected = await Kept.FillAsync(
                new PostgresTenantStore(database, TimeProvider.System),
                new PostgresAgentStore(database, TimeProvider.System),
                new PostgresRunJournal(database, TimeProvider.System),
                new PostgresTenantStorage(database));
            await using var source = NpgsqlDataSource.Create(connection);
            await using var older = source.CreateCommand("UPDATE schema_version SET taken = 5; " + BeforeRooms);
            await older.ExecuteNonQueryAsync();
        }

        await using var again = await PostgresDatabase.OpenAsync(connection, default);
        var kept = await new PostgresTenantStorage(again).UseAsync(expected.Tenant, default);
        Assert.Equal((expected.Use.Modules, expected.Use.EndedRuns, expected.Use.Runs), (
            kept.Modules, kept.EndedRuns, kept.Runs));
    }

    [Fact]
    public async Task Two_writers_of_one_run_cannot_mix_their_events()
    {
        if (!server.IsAvailable)
        {
            output.WriteLine(PostgresServer.NotInstalled);
            return;
        }
        await using var database = await PostgresDatabase.OpenAsync(await server.NewDatabaseAsync(), default);
        var journal = new PostgresRunJournal(database, TimeProvider.System);
        var run = Given.Run(Given.Tenant(1));
        await journal.CreateAsync(run, default);
        var acknowledged = new int[4];
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async writer =>
        {
            var last = 0L;
            for (var i = 0; i < 25; i++)
                try
                {
                    var appended = await journal.AppendAsync(
                        Given.Id(run), last, [new GuestLogged("info", $"{writer}")], default);
                    last = appended[0].Sequence;
                    acknowledged[writer]++;
                }
                catch (RuntimeErrorException e) when (e.Error.Code == ReasonCodes.StorageFailed)
                {
                    // Lost against another writer: nothing of it is kept.
                }
        }));

        // One was first, and the others did not get in between, however long they tried.
        var first = Array.IndexOf(acknowledged, 25);
        Assert.Equal(25, acknowledged.Sum());
        var events = await journal.ReadAsync(Given.Id(run), 0, 1_000, default);
        Assert.Equal(Enumerable.Range(1, 25).Select(i => (long)i), events.Select(e => e.Sequence));
        Assert.All(events, e => Assert.Equal(new GuestLogged("info", $"{first}"), e.Data));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_a_storage_error()
    {
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => PostgresDatabase.OpenAsync("Host=127.0.0.1;Port=9;Username=x;Database=x;Timeout=2", default));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
    }

    [Fact]
    public async Task A_connection_string_that_is_none_is_a_storage_error_and_shows_no_secret()
    {
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => PostgresDatabase.OpenAsync("Host=h;Passwort=geheim", default));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
        Assert.DoesNotContain("geheim", e.Error.ToString(), StringComparison.Ordinal);
    }

    private sealed class RunJournal(PostgresDatabase database) : RunJournalContract
    {
        protected override IRunJournal Journal { get; } = new PostgresRunJournal(database, TimeProvider.System);

        public override Task InitializeAsync() => Task.CompletedTask;

        public override Task DisposeAsync() => Task.CompletedTask;
    }

    private sealed class TenantStore(PostgresDatabase database) : TenantStoreContract
    {
        protected override ITenantStore Tenants { get; } = new PostgresTenantStore(database, TimeProvider.System);

        public override Task InitializeAsync() => Task.CompletedTask;

        public override Task DisposeAsync() => Task.CompletedTask;
    }

    private sealed class AgentStore(PostgresDatabase database) : AgentStoreContract
    {
        protected override ITenantStore Tenants { get; } = new PostgresTenantStore(database, TimeProvider.System);

        protected override IAgentStore Agents { get; } = new PostgresAgentStore(database, TimeProvider.System);

        public override Task InitializeAsync() => Task.CompletedTask;

        public override Task DisposeAsync() => Task.CompletedTask;
    }

    private sealed class BundleStore(PostgresDatabase database) : BundleStoreContract
    {
        protected override IBundleStore Bundles { get; } = new PostgresBundleStore(database);

        public override Task InitializeAsync() => Task.CompletedTask;

        public override Task DisposeAsync() => Task.CompletedTask;
    }

    private sealed class MemoryStore(PostgresDatabase database) : MemoryStoreContract
    {
        protected override IMemoryStore Memory { get; } = new PostgresMemoryStore(database);

        public override Task InitializeAsync() => Task.CompletedTask;

        public override Task DisposeAsync() => Task.CompletedTask;
    }

    private sealed class SpendStore(PostgresDatabase database) : SpendStoreContract
    {
        protected override ISpendStore Spend { get; } = new PostgresSpendStore(database);

        public override Task InitializeAsync() => Task.CompletedTask;

        public override Task DisposeAsync() => Task.CompletedTask;
    }

    private sealed class TenantStorage(PostgresDatabase database) : TenantStorageContract
    {
        protected override ITenantStore Tenants { get; } = new PostgresTenantStore(database, TimeProvider.System);

        protected override IRunJournal Journal { get; } = new PostgresRunJournal(database, TimeProvider.System);

        protected override ITenantStorage Storage { get; } = new PostgresTenantStorage(database);

        protected override IAgentStore AgentsWithin(StorageLimits limits) =>
            new PostgresAgentStore(database, TimeProvider.System, limits);

        protected override IMemoryStore MemoryWithin(StorageLimits limits) => new PostgresMemoryStore(database, limits);

        public override Task InitializeAsync() => Task.CompletedTask;

        public override Task DisposeAsync() => Task.CompletedTask;
    }

    private sealed class AuditStore(PostgresDatabase database) : AuditStoreContract
    {
        protected override IAuditStore Audit { get; } = new PostgresAuditStore(database);

        public override Task InitializeAsync() => Task.CompletedTask;

        public override Task DisposeAsync() => Task.CompletedTask;
    }
}
