using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.Sdk;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests;

/// <summary>
/// What an agent keeps, on the whole platform: described in a bundle, granted, and found by a later run.
/// </summary>
public sealed class MemoryTests : IAsyncLifetime
{
    private readonly RunningPlatform _platform = new();

    public Task InitializeAsync() => _platform.InitializeAsync();

    public Task DisposeAsync() => _platform.DisposeAsync();

    [Fact]
    public async Task What_a_run_keeps_a_later_one_finds_and_only_agents_that_are_granted_it()
    {
        using var client = _platform.Client();
        var notebook = await File.ReadAllBytesAsync(
            Path.Combine(Repository.Root, "sandboxes", "guests", "dist", "notes-c.wasm"));
        foreach (var agent in new[] { "demo/writer", "demo/reader", "demo/stranger" })
            await client.Agents.DeployAsync(agent, notebook, CancellationToken.None);
        var applied = await client.ApplyPolicyAsync(Bundle(), dryRun: false, CancellationToken.None);
        Assert.Empty(applied.Problems);

        Assert.Equal("succeeded done", await SayAsync(client, "demo/writer", "set orders/7 paid twice"));
        Assert.Equal("succeeded = paid twice", await SayAsync(client, "demo/reader", "get orders/7"));
        Assert.Equal("succeeded none", await SayAsync(client, "demo/reader", "get orders/8"));

        Assert.Contains("AR2002", await SayAsync(client, "demo/reader", "set orders/7 mine"), StringComparison.Ordinal);
        Assert.Contains("AR2002", await SayAsync(client, "demo/reader", "get people/1"), StringComparison.Ordinal);
        Assert.Contains("AR2002", await SayAsync(client, "demo/stranger", "list"), StringComparison.Ordinal);
        Assert.Contains(
            "AR7008", await SayAsync(client, "demo/writer", "set more than one key"), StringComparison.Ordinal);

        var (exit, audit) = await _platform.AgentctlAsync("policy", "audit");
        Assert.Equal(0, exit);
        Assert.Contains("reads memory", audit, StringComparison.Ordinal);

        // The tenant sees what it keeps, and makes room.
        var (_, kept) = await _platform.AgentctlAsync("storage");
        Assert.Matches(@"notes +0\.00 MiB in 1 keys", kept);
        Assert.Matches(@"ended runs +7, 0\.\d\d MiB of 4096\.00 MiB, for 90 days", kept);
        Assert.Equal(0, (await _platform.AgentctlAsync("storage", "clear", "notes")).ExitCode);
        Assert.Equal("succeeded none", await SayAsync(client, "demo/reader", "get orders/7"));
        var (nothing, said) = await _platform.AgentctlAsync("storage", "clear", "notes");
        Assert.Equal(1, nothing);
        Assert.Contains("AR1005", said, StringComparison.Ordinal);
        Assert.Equal(0, (await _platform.AgentctlAsync("agents", "delete", "demo/stranger")).ExitCode);
        Assert.DoesNotContain(
            "stranger", (await _platform.AgentctlAsync("agents", "list")).Output, StringComparison.Ordinal);
        Assert.Contains(
            "AR1006", (await _platform.AgentctlAsync("agents", "delete", "demo/stranger")).Output,
            StringComparison.Ordinal);
    }

    private static async Task<string> SayAsync(AgentRuntimeClient client, string agent, string input)
    {
        var run = await client.Runs.RunToEndAsync(agent, input, null, CancellationToken.None);
        return $"{run.Status} {run.Output ?? run.Error?.Message}";
    }

    private static Dictionary<string, string> Bundle()
    {
        var files = DemoBundle.Files();
        files["bundle.yaml"] += "\nmemory:\n  notes: {max_keys: 1}\n";
        files["agents/notebooks.yaml"] = """
            agents:
              demo/writer:
                description: Keeps notes.
                memory: [notes]
              demo/reader:
                description: Reads notes about orders.
                memory: [{bucket: notes, access: read, keys: "orders/"}]
              demo/stranger:
                description: Is granted nothing.
            """;
        return files;
    }
}
