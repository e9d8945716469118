using AgentRuntime.Abstractions;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests;

/// <summary>A call that waits for a person, from the bundle to <c>agentctl</c>, with real processes.</summary>
public sealed class ApprovalTests(RunningPlatform platform) : IClassFixture<RunningPlatform>, IAsyncLifetime
{
    private const string Form = """
        {"id":"T","customer_id":"CUS-001","customer":"Ines Albrecht","order_id":"ORD-1001","intent":"refund",
         "amount_cents":3490,"text":"The scarf has a hole."}
        """;

    public async Task InitializeAsync()
    {
        var demo = Path.Combine(Repository.Root, "policies", "bundles", "demo");
        var files = Directory.EnumerateFiles(demo, "*", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/tests/", StringComparison.Ordinal))
            .ToDictionary(file => Path.GetRelativePath(demo, file), File.ReadAllText);
        files["agents.yaml"] = files["agents.yaml"].Replace(
            "max: {amount_cents: 5000}", "approval: true", StringComparison.Ordinal);
        using var client = platform.Client();
        var applied = await client.ApplyPolicyAsync(files, dryRun: false, CancellationToken.None);
        Assert.Empty(applied.Problems);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData("approve", "ok")]
    [InlineData("deny", "AR2010: A person refused the call: not today")]
    public async Task A_call_waits_until_somebody_has_decided(string verb, string outcome)
    {
        using var client = platform.Client();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var run = await client.Runs.StartAsync("demo/triage", Form, patience.Token);
        await foreach (var e in client.Runs.WatchAsync(run.Id, 0, patience.Token))
        {
            if (e.Data is ApprovalRequested) break;
        }

        var (_, waiting) = await platform.AgentctlAsync("approvals", "list");
        Assert.Contains($"{run.Id} 2  demo/triage", waiting, StringComparison.Ordinal);
        Assert.Contains("shop/refund {\"order_id\":\"ORD-1001\"", waiting, StringComparison.Ordinal);
        var (exitCode, output) = await platform.AgentctlAsync(
            "approvals", verb, run.Id, "2", "--comment", "not today");
        Assert.True(exitCode == 0, output);

        await foreach (var _ in client.Runs.WatchAsync(run.Id, 0, patience.Token))
        {
        }

        var ended = await client.Runs.GetAsync(run.Id, patience.Token);
        Assert.Equal("succeeded", ended.Status);
        Assert.Contains($"refund 3490 cents of ORD-1001: {(verb == "deny" ? "refused " : "")}{outcome}", ended.Output,
            StringComparison.Ordinal);
        var (again, late) = await platform.AgentctlAsync("approvals", verb, run.Id, "2");
        Assert.Equal(1, again);
        Assert.Contains("AR1007", late, StringComparison.Ordinal);
    }
}
