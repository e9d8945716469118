using System.Reflection;
using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>
/// Runs every contract test against PostgreSQL, each over a database of its own, where PostgreSQL is installed.
/// </summary>
public sealed class PostgresContractTests(PostgresServer server, ITestOutputHelper output)
    : IClassFixture<PostgresServer>
{
    private static readonly Dictionary<string, Func<PostgresDatabase, IAsyncLifetime>> Contracts = new()
    {
        ["run journal"] = db => new RunJournal(db),
        ["tenant store"] = db => new TenantStore(db),
        ["agent store"] = db => new AgentStore(db),
        ["bundle store"] = db => new BundleStore(db),
        ["audit store"] = db => new AuditStore(db),
        ["memory store"] = db => new MemoryStore(db),
        ["spend store"] = db => new SpendStore(db),
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
        await using var database = await PostgresDatabase.OpenAsync(await server.NewDatabaseAsync(), default);
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
    public async Task One_process_at_a_time_works_with_a_database()
    {
        if (!server.IsAvailable)
        {
            output.WriteLine(PostgresServer.NotInstalled);
            return;
        }
        var connection = await server.NewDatabaseAsync();
        await using var second = await PostgresDatabase.OpenAsync(connection, default);
        await using (var first = await PostgresDatabase.OpenAsync(connection, default))
        {
            await first.ClaimAsync(default);
            var e = await Assert.ThrowsAsync<RuntimeErrorException>(() => second.ClaimAsync(default));
            Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
            Assert.Contains("Another platform", e.Error.Message, StringComparison.Ordinal);
        }

        await second.ClaimAsync(default);
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
        var acknowledged = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async writer =>
        {
            for (var i = 0; i < 25; i++)
                try
                {
                    await journal.AppendAsync(Given.Id(run), [new GuestLogged("info", $"{writer}")], default);
                    Interlocked.Increment(ref acknowledged);
                }
                catch (RuntimeErrorException e) when (e.Error.Code == ReasonCodes.StorageFailed)
                {
                    // Lost against another writer: nothing of it is kept.
                }
        }));
        var events = await journal.ReadAsync(Given.Id(run), 0, 1_000, default);
        Assert.Equal(Enumerable.Range(1, acknowledged).Select(i => (long)i), events.Select(e => e.Sequence));
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

    private sealed class AuditStore(PostgresDatabase database) : AuditStoreContract
    {
        protected override IAuditStore Audit { get; } = new PostgresAuditStore(database);

        public override Task InitializeAsync() => Task.CompletedTask;

        public override Task DisposeAsync() => Task.CompletedTask;
    }
}
