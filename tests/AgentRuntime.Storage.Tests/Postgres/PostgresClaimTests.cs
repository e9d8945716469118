using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;
using Npgsql;
using Xunit.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>Two platforms and one PostgreSQL database, where that is installed.</summary>
public sealed class PostgresClaimTests(PostgresServer server, ITestOutputHelper output) : IClassFixture<PostgresServer>
{
    private const string Claims =
        """
        FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """;

    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(10);

    [Fact]
    public async Task One_process_at_a_time_works_with_a_database()
    {
        if (IsMissing()) return;
        var connection = await server.NewDatabaseAsync();
        await using (await PostgresDatabase.ClaimAsync(connection, default))
        {
            var e = await Assert.ThrowsAsync<RuntimeErrorException>(
                () => PostgresDatabase.ClaimAsync(connection, default));
            Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
            Assert.Contains("Another platform", e.Error.Message, StringComparison.Ordinal);
        }

        await (await PostgresDatabase.ClaimAsync(connection, default)).DisposeAsync();
    }

    [Fact]
    public async Task A_claim_that_was_given_back_is_free_though_its_connection_lives_on_in_the_pool()
    {
        if (IsMissing()) return;
        var connection = await server.NewDatabaseAsync();
        await using var pool = NpgsqlDataSource.Create(connection);
        await (await PostgresClaim.TakeAsync(pool, default)).DisposeAsync();
        await using var other = NpgsqlDataSource.Create(connection);
        await (await PostgresClaim.TakeAsync(other, default)).DisposeAsync();
    }

    [Fact]
    public async Task A_database_that_another_process_has_is_not_migrated()
    {
        if (IsMissing()) return;
        var connection = await server.NewDatabaseAsync();
        await using var first = await PostgresDatabase.ClaimAsync(connection, default);
        await using var source = NpgsqlDataSource.Create(connection);
        await using var newer = source.CreateCommand("UPDATE schema_version SET taken = taken + 1");
        await newer.ExecuteNonQueryAsync();

        // Whoever looked at the schema first would complain of that.
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => PostgresDatabase.ClaimAsync(connection, default));
        Assert.Contains("Another platform", e.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_claim_that_another_platform_makes_is_noticed_and_nothing_is_done_any_more()
    {
        if (IsMissing()) return;
        var connection = await server.NewDatabaseAsync();
        await using var database = await PostgresDatabase.ClaimAsync(connection, default);
        var tenants = new PostgresTenantStore(database, TimeProvider.System);
        await tenants.EnsureTenantAsync("acme", default);
        await using var next = await TakeFromAsync(connection);

        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => database.WatchClaimAsync(Soon, TimeProvider.System, default));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
        Assert.Contains("claim", e.Error.Message, StringComparison.Ordinal);
        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await tenants.EnsureTenantAsync("late", default));
        Assert.Equal(e.Error, refused.Error);
    }

    /// <summary>It was stopped, or cut off, while another was started: it has not looked at its claim yet.</summary>
    [Fact]
    public async Task A_platform_that_was_paused_writes_nothing_into_what_is_anothers_by_now()
    {
        if (IsMissing()) return;
        var connection = await server.NewDatabaseAsync();
        await using var paused = await PostgresDatabase.ClaimAsync(connection, default);
        var (stale, run) = (new PostgresRunJournal(paused, TimeProvider.System), Given.Run(Given.Tenant(1)));
        await stale.CreateAsync(run, default);
        await using var next = await TakeFromAsync(connection);
        var journal = new PostgresRunJournal(next, TimeProvider.System);
        Assert.Equal(Given.Id(run), Assert.Single(await journal.ListUnfinishedAsync(default)).Run);

        // A run that it accepted now would be nobody's; a step that it began would be begun twice.
        await RefusedAsync(async () => await stale.CreateAsync(Given.Run(Given.Tenant(1), 1), default));
        Assert.Single(await journal.ListUnfinishedAsync(default));
        await journal.AppendAsync(Given.Id(run), 0, [new RunSuspended()], default);
    }

    [Fact]
    public async Task Every_write_of_a_platform_that_was_paused_is_refused()
    {
        if (IsMissing()) return;
        var (run, at) = (Given.Run(Given.Tenant(1)), DateTimeOffset.UnixEpoch);
        var id = Given.Id(run);
        var bucket = new MemoryBucket("notes");
        Func<PostgresDatabase, Task>[] writes =
        [
            async db => await Journal(db).AppendAsync(id, 0, [new RunSuspended()], default),
            async db => await Journal(db).TransitionAsync(
                run with { Status = RunStatus.Running }, 0, new RunStarted("demo/a", "m", "b", "e"), default),
            async db => await new PostgresTenantStore(db, TimeProvider.System).EnsureTenantAsync("late", default),
            async db => await new PostgresSpendStore(db).ReplaceAsync(
                Given.Tenant(1), new DaySpend(new DateOnly(2026, 11, 20), new MicroUsd(1)), default),
            async db => await new PostgresAuditStore(db).AppendAsync(
                [new AuditEntry(Given.Tenant(1), at, new ThreatFound("rule", "warn", "demo/a", "?"))], 100, default),
            async db => await new PostgresMemoryStore(db).ApplyAsync(
                new MemoryChange(Given.Tenant(1), id, 1, bucket, "key", new byte[] { 1 }), default),
        ];
        foreach (var write in writes)
        {
            var connection = await server.NewDatabaseAsync();
            await using var paused = await PostgresDatabase.ClaimAsync(connection, default);
            await Journal(paused).CreateAsync(run, default);
            await using var next = await TakeFromAsync(connection);
            await RefusedAsync(() => write(paused));
            await write(next);
        }

        static PostgresRunJournal Journal(PostgresDatabase db) => new(db, TimeProvider.System);
    }

    [Fact]
    public async Task A_write_that_was_let_through_is_seen_by_whoever_claims_the_database_next()
    {
        if (IsMissing()) return;
        var connection = await server.NewDatabaseAsync();
        await using var first = await PostgresDatabase.ClaimAsync(connection, default);
        var (writing, write) = (new TaskCompletionSource(), new TaskCompletionSource());
        var slow = first.InTransactionAsync(
            async db =>
            {
                writing.SetResult();
                await write.Task;
                return await db.ExecuteAsync(
                    "INSERT INTO tenants (id, name, created_at) VALUES ('t', 'slow', 0)", default);
            },
            default).AsTask();
        await writing.Task;
        await KillClaimAsync(connection);
        var claiming = PostgresDatabase.ClaimAsync(connection, default);
        await UntilAsync(connection, $"SELECT EXISTS (SELECT {Claims} AND NOT granted)");
        Assert.False(claiming.IsCompleted);
        write.SetResult();

        await slow;
        await using var next = await claiming;
        Assert.Equal(true, await next.RunAsync(
            db => db.ScalarAsync("SELECT EXISTS (SELECT FROM tenants WHERE name = 'slow')", default), default));
    }

    [Fact]
    public async Task A_database_that_is_restarted_keeps_its_platform()
    {
        if (IsMissing()) return;
        var connection = await server.NewDatabaseAsync();
        await using var database = await PostgresDatabase.ClaimAsync(connection, default);
        using var end = new CancellationTokenSource();
        var watch = database.WatchClaimAsync(Soon, TimeProvider.System, end.Token);
        await server.RestartAsync();

        var tenants = new PostgresTenantStore(database, TimeProvider.System);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        while (await Record.ExceptionAsync(async () => await tenants.EnsureTenantAsync("acme", default)) is { } e)
        {
            patience.Token.ThrowIfCancellationRequested();
            Assert.Equal(ReasonCodes.StorageFailed, Assert.IsType<RuntimeErrorException>(e).Error.Code);
        }

        // It has the lock again too: no other can start.
        await UntilAsync(connection, $"SELECT EXISTS (SELECT {Claims} AND granted)");
        var other = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => PostgresDatabase.ClaimAsync(connection, default));
        Assert.Contains("Another platform", other.Error.Message, StringComparison.Ordinal);
        Assert.False(watch.IsCompleted);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watch);
    }

    [Fact]
    public async Task A_claim_is_watched_until_that_is_cancelled()
    {
        if (IsMissing()) return;
        await using var database = await PostgresDatabase.ClaimAsync(await server.NewDatabaseAsync(), default);
        using var end = new CancellationTokenSource();
        var watch = database.WatchClaimAsync(TimeSpan.FromMilliseconds(1), TimeProvider.System, end.Token);
        await new PostgresTenantStore(database, TimeProvider.System).EnsureTenantAsync("acme", default);
        Assert.False(watch.IsCompleted);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watch);
    }

    private bool IsMissing()
    {
        if (!server.IsAvailable)
            output.WriteLine(PostgresServer.NotInstalled);
        return !server.IsAvailable;
    }

    /// <summary>Claims a database that is claimed, as one does whose holder the server takes for gone.</summary>
    private static async Task<PostgresDatabase> TakeFromAsync(string connection)
    {
        await KillClaimAsync(connection);
        return await PostgresDatabase.ClaimAsync(connection, default);
    }

    /// <summary>Returns once the process at the server is gone that holds the claim, and its lock with it.</summary>
    private static async Task KillClaimAsync(string connection)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var kill = source.CreateCommand($"SELECT pg_terminate_backend(pid, 30000) {Claims} AND granted");
        Assert.Equal(true, await kill.ExecuteScalarAsync());
    }

    private static async Task UntilAsync(string connection, string holds)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        while (true)
        {
            await using var question = source.CreateCommand(holds);
            if (await question.ExecuteScalarAsync(patience.Token) is true)
                return;
        }
    }

    private static async Task RefusedAsync(Func<Task> write)
    {
        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(write);
        Assert.Equal(ReasonCodes.StorageFailed, refused.Error.Code);
        Assert.Contains("claim", refused.Error.Message, StringComparison.Ordinal);
    }
}
