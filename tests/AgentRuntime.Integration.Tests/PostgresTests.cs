using AgentRuntime.Abstractions;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.TestKit;
using Npgsql;
using Xunit.Abstractions;

namespace AgentRuntime.Integration.Tests;

/// <summary>The whole platform with its state in PostgreSQL, where that is installed.</summary>
public sealed class PostgresTests(PostgresServer server, ITestOutputHelper output) : IClassFixture<PostgresServer>
{
    private const string Variable = "AGENTRUNTIME_TEST_POSTGRES";

    [Fact]
    public async Task What_one_platform_did_the_next_one_knows_and_two_at_once_are_refused()
    {
        if (!server.IsAvailable)
        {
            output.WriteLine(PostgresServer.NotInstalled);
            return;
        }

        var database = await server.NewDatabaseAsync();
        var first = Platform(database);
        string run;
        await first.InitializeAsync();
        try
        {
            using var client = first.Client();
            const string ticket = """{"id":"T-1","text":"Where is it?","order_id":"ORD-1001","intent":"question"}""";
            var ended = await client.Runs.RunToEndAsync("demo/triage", ticket, null, CancellationToken.None);
            run = ended.Id;
            Assert.True(ended.Status == "succeeded", ended.Error?.Message);
            Assert.False(File.Exists(Path.Combine(first.State, "agentruntime.db")));

            var second = Platform(database);
            var refused = await Assert.ThrowsAsync<InvalidOperationException>(second.InitializeAsync);
            await second.DisposeAsync();
            Assert.Contains("AR8002", refused.Message, StringComparison.Ordinal);
            Assert.Contains("Another platform", refused.Message, StringComparison.Ordinal);

            first.Platform.Kill();
            await first.Platform.Exited;
        }
        finally
        {
            await first.DisposeAsync();
        }

        await using var next = Platform(database);
        await next.InitializeAsync();
        var (exit, shown) = await next.AgentctlAsync("runs", "show", run);
        Assert.Equal(0, exit);
        Assert.Contains("succeeded", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_platform_whose_database_is_claimed_by_another_stops_and_says_so()
    {
        if (!server.IsAvailable)
        {
            output.WriteLine(PostgresServer.NotInstalled);
            return;
        }

        var database = await server.NewDatabaseAsync();
        await using var platform = Platform(database);
        await platform.InitializeAsync();
        await using var source = NpgsqlDataSource.Create(database);
        await using var other = await source.OpenConnectionAsync();
        // In line for the lock ("AgentRun" in ASCII), so that the platform is not the first to have it again.
        var waiting = ExecuteAsync(other, "SELECT pg_advisory_lock(x'4167656E7452756E'::bigint)");
        await KillClaimAsync(source);
        await waiting;
        await ExecuteAsync(other, "UPDATE platform_claim SET number = number + 1");

        await platform.Platform.Exited.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Contains("error AR8002", platform.Platform.Output, StringComparison.Ordinal);
        Assert.Contains("claim", platform.Platform.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_platform_whose_database_is_restarted_goes_on()
    {
        if (!server.IsAvailable)
        {
            output.WriteLine(PostgresServer.NotInstalled);
            return;
        }

        await using var platform = Platform(await server.NewDatabaseAsync());
        await platform.InitializeAsync();
        await server.RestartAsync();
        using var client = platform.Client();
        const string ticket = """{"id":"T-1","text":"Where is it?","order_id":"ORD-1001","intent":"question"}""";
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1), TimeProvider.System);
        while (true)
            try
            {
                var ended = await client.Runs.RunToEndAsync("demo/triage", ticket, null, patience.Token);
                Assert.True(ended.Status == "succeeded", ended.Error?.Message);
                break;
            }
            catch (RuntimeErrorException e) when (e.Error.Code == ReasonCodes.StorageFailed)
            {
                // It has not noticed yet that the connections it has are gone.
            }

        Assert.False(platform.Platform.Exited.IsCompleted, platform.Platform.Output);
    }

    private static async Task KillClaimAsync(NpgsqlDataSource source)
    {
        while (true)
        {
            await using var kill = source.CreateCommand(
                """
                SELECT pg_terminate_backend(held.pid) FROM pg_locks held
                JOIN pg_locks waiting USING (locktype, classid, objid, objsubid, mode)
                WHERE held.locktype = 'advisory' AND held.granted AND NOT waiting.granted
                """);
            if (await kill.ExecuteScalarAsync() is true)
                return;
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string statement)
    {
        await using var command = new NpgsqlCommand(statement, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static RunningPlatform Platform(string database) => new()
    {
        ExtraArguments = ["--postgres-variable", Variable],
        ExtraEnvironment = new() { [Variable] = database },
    };
}
