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
    public async Task A_platform_whose_claim_is_lost_stops_and_says_so()
    {
        if (!server.IsAvailable)
        {
            output.WriteLine(PostgresServer.NotInstalled);
            return;
        }

        var database = await server.NewDatabaseAsync();
        await using var platform = Platform(database);
        await platform.InitializeAsync();
        await using (var source = NpgsqlDataSource.Create(database))
        await using (var kill = source.CreateCommand(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"))
            Assert.Equal(true, await kill.ExecuteScalarAsync());

        await platform.Platform.Exited.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Contains("error AR8002", platform.Platform.Output, StringComparison.Ordinal);
        Assert.Contains("claim", platform.Platform.Output, StringComparison.Ordinal);
    }

    private static RunningPlatform Platform(string database) => new()
    {
        ExtraArguments = ["--postgres-variable", Variable],
        ExtraEnvironment = new() { [Variable] = database },
    };
}
