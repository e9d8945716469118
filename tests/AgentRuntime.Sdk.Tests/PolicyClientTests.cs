using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Sdk.Tests;

public sealed class PolicyClientTests
{
    private const string Problem = """{"code":"AR2007","message":"no tool 'x'","where":"agents.yaml:3:5"}""";

    private static readonly Dictionary<string, string> Files = new() { ["bundle.yaml"] = "name: x" };

    [Fact]
    public async Task A_bundles_problems_are_an_answer_and_no_exception()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/policy/plan", 422, "application/json",
                $$"""{"after":"","changes":[],"decisions":[],"affected":[],"problems":[{{Problem}}]}"""));
        using var client = edge.Client();

        var plan = await client.Policy.PlanAsync(Files, CancellationToken.None);

        Assert.Equal(new ErrorResource("AR2007", "no tool 'x'", "agents.yaml:3:5"), Assert.Single(plan.Problems!));
        Assert.Equal("""{"files":{"bundle.yaml":"name: x"}}""", edge.Requests[0].Body);
    }

    [Fact]
    public async Task A_refusal_is_an_exception_with_its_code()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/policy/rollback", 404, "application/problem+json",
                """{"type":"t","title":"there is no version 7","status":404,"code":"AR2011","request_id":"r"}"""),
            ("POST", "/v1/policy/plan", 422, "application/problem+json",
                """{"type":"t","title":"something else","status":422,"code":"AR3001","request_id":"r"}"""));
        using var client = edge.Client();

        var rollback = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => client.Policy.RollbackAsync(7, CancellationToken.None));
        var plan = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => client.Policy.PlanAsync(Files, CancellationToken.None));

        Assert.Equal(ReasonCodes.UnknownBundleVersion, rollback.Error.Code);
        Assert.Equal("AR3001", plan.Error.Code.ToString());
        Assert.Equal("""{"version":7}""", edge.Requests[0].Body);
    }

    [Theory]
    [InlineData("../shadow")]
    [InlineData("demo/..")]
    [InlineData("./a")]
    [InlineData("demo/a/b")]
    public async Task No_agents_name_leads_to_another_address(string agent)
    {
        await using var edge = await ScriptedEdge.StartAsync(("DELETE", "/v1/policy/shadow", 204, "text/plain", ""));
        using var client = edge.Client();

        await Assert.ThrowsAsync<ArgumentException>(() => client.Policy.LiftAsync(agent, CancellationToken.None));
        await Assert.ThrowsAsync<ArgumentException>(
            () => client.Runs.StartAsync(agent, "", CancellationToken.None));

        Assert.Empty(edge.Requests);
    }

    [Fact]
    public async Task A_question_carries_only_what_is_asked()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/policy/explain", 200, "application/json",
                """{"caller":"demo/a","resource":"s/t","verdict":"deny","policies":[]}"""),
            ("DELETE", "/v1/policy/threats/demo/a", 204, "application/json", ""));
        using var client = edge.Client();

        var answer = await client.Policy.ExplainAsync(
            new() { Agent = "demo/a", Tool = "s/t", Arguments = JsonElement.Parse("""{"n":1}""") },
            CancellationToken.None);
        await client.Policy.LiftAsync("demo/a", CancellationToken.None);

        Assert.Equal("deny", answer.Verdict);
        Assert.Equal("""{"agent":"demo/a","tool":"s/t","arguments":{"n":1}}""", edge.Requests[0].Body);
    }
}
