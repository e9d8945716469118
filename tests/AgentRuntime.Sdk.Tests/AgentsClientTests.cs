using AgentRuntime.Abstractions;

namespace AgentRuntime.Sdk.Tests;

public sealed class AgentsClientTests
{
    private const string Path = "/v1/projects/demo/agents/large";

    private static readonly (string, string, int, string, string) Busy = ("PUT", Path, 503, "application/problem+json",
        """{"type":"t","title":"it waits for others","status":503,"code":"AR3014","request_id":"r"}""");

    private static readonly (string, string, int, string, string) Deployed = ("PUT", Path, 201, "application/json",
        """{"id":"a","project":"demo","name":"large","version":1,"module":"0","deployed_at":"2026-01-01T00:00:00Z"}""");

    [Fact]
    public async Task A_module_whose_turn_has_not_come_is_sent_again()
    {
        await using var edge = await ScriptedEdge.StartAsync(Busy, Busy, Deployed);
        var time = new HastyTime();
        using var client = edge.Client(time);

        var agent = await client.Agents.DeployAsync("demo/large", new byte[] { 1, 2 }, CancellationToken.None);

        Assert.Equal(1, agent.Version);
        Assert.Equal(3, edge.Requests.Count);
        Assert.All(edge.Requests, r => Assert.Equal("\u0001\u0002", r.Body));
        Assert.Equal(2, time.Waited.Count(w => w == TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task A_module_whose_turn_does_not_come_is_given_up()
    {
        await using var edge = await ScriptedEdge.StartAsync(Busy);
        using var client = edge.Client(new HastyTime());

        var failed = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => client.Agents.DeployAsync("demo/large", new byte[] { 1 }, CancellationToken.None));

        Assert.Equal(ReasonCodes.SandboxBusy, failed.Error.Code);
        Assert.Equal(21, edge.Requests.Count);
    }

    [Fact]
    public async Task A_module_that_cannot_run_is_sent_once()
    {
        await using var edge = await ScriptedEdge.StartAsync(("PUT", Path, 422, "application/problem+json",
            """{"type":"t","title":"it has no export run","status":422,"code":"AR3004","request_id":"r"}"""));
        using var client = edge.Client(new HastyTime());

        await Assert.ThrowsAsync<RuntimeErrorException>(
            () => client.Agents.DeployAsync("demo/large", new byte[] { 1 }, CancellationToken.None));

        Assert.Single(edge.Requests);
    }
}
