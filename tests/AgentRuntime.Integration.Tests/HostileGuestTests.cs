using AgentRuntime.Abstractions;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests;

/// <summary>Agents that misbehave, deployed by a tenant like any other, beside agents that do not.</summary>
public sealed class HostileGuestTests : IAsyncLifetime
{
    private static readonly string Hostile = Path.Combine(Repository.Root, "sandboxes", "guests", "dist", "hostile");

    private readonly RunningPlatform _platform = new();

    public async Task InitializeAsync()
    {
        await _platform.InitializeAsync();
        using var client = _platform.Client();
        var applied = await client.ApplyPolicyAsync(BundleWithHostileAgents(), dryRun: false, CancellationToken.None);
        Assert.Empty(applied.Problems);
    }

    public Task DisposeAsync() => _platform.DisposeAsync();

    [Theory]
    [InlineData("loop", "AR3006")]
    [InlineData("recurse", "AR3007")]
    [InlineData("grow", "AR30")]
    public async Task A_guest_without_end_is_stopped_by_its_limit_while_others_are_served(string guest, string code)
    {
        using var client = _platform.Client();
        var module = await File.ReadAllBytesAsync(Path.Combine(Hostile, guest + ".wasm"));
        await client.Agents.DeployAsync($"demo/{guest}", module, CancellationToken.None);

        var hostile = client.Runs.RunToEndAsync($"demo/{guest}", "x", null, CancellationToken.None);
        var honest = client.Runs.RunToEndAsync("demo/digest", "one two", null, CancellationToken.None);

        var ended = await hostile;
        Assert.Equal("failed", ended.Status);
        Assert.StartsWith(code, ended.Error?.Code, StringComparison.Ordinal);
        Assert.Equal("succeeded", (await honest).Status);
    }

    [Fact]
    public async Task An_agent_that_the_bundle_does_not_name_may_not_run()
    {
        using var client = _platform.Client();
        var module = await File.ReadAllBytesAsync(Path.Combine(Hostile, "loop.wasm"));
        await client.Agents.DeployAsync("demo/unnamed", module, CancellationToken.None);

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => client.Runs.StartAsync("demo/unnamed", "x", CancellationToken.None));

        Assert.Equal(ReasonCodes.AgentNotInBundle, refused.Error.Code);
    }

    private static Dictionary<string, string> BundleWithHostileAgents()
    {
        var files = DemoBundle.Files();
        string[] guests = ["loop", "recurse", "grow"];
        files["agents/hostile.yaml"] = "agents:\n" + string.Concat(guests.Select(name => $$"""
              demo/{{name}}:
                description: A guest that misbehaves.
                model: demo
                limits: {memory: 16MiB, cpu_time: 500ms}

            """));
        return files;
    }
}
