using AgentRuntime.Abstractions;

namespace AgentRuntime.Sdk.Tests;

public class RunsClientTests
{
    private const string Run = "run_0199a0b0c0d07000800000000000abcd";

    private const string TooSlow = """ "error":{"code":"AR3006","message":"too slow"} """;

    private const string RunJson = $$"""
        {"id":"{{Run}}","agent":"demo/triage","status":"succeeded","module":"m","bundle":"b",
         "created_at":"2026-01-01T00:00:00Z","output":"done",
         "usage":{"prompt_tokens":5,"cached_prompt_tokens":2,"output_tokens":3},"cost_micro_usd":7}
        """;

    [Fact]
    public async Task Running_to_the_end_starts_follows_and_reads_the_run()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            ("GET", $"/v1/runs/{Run}/events", 200, "text/event-stream",
                Event(1, """{"type":"log","level":"info","message":"hello"}""")
                + Event(2, """{"type":"chat.failed","call":1,"model":"m","error":"""
                    + """{"code":"AR4001","message":"none"}}""")),
            ("GET", $"/v1/runs/{Run}", 200, "application/json", RunJson));
        using var client = edge.Client();
        var seen = new List<RunEventResource>();

        var run = await client.Runs.RunToEndAsync("demo/triage", "in", seen.Add, CancellationToken.None);

        Assert.Equal("done", run.Output);
        Assert.Equal(7, run.CostMicroUsd);
        Assert.Equal([1L, 2L], seen.Select(e => e.Sequence));
        Assert.Equal("hello", Assert.IsType<GuestLogged>(seen[0].Data).Message);
        Assert.Equal("""{"input":"in"}""", edge.Requests[0].Body);
        Assert.All(edge.Requests, request => Assert.Equal("Bearer ar_test_key", request.Authorization));
    }

    [Fact]
    public async Task A_refusal_carries_the_platforms_code_place_and_advice()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/nobody/runs", 404, "application/problem+json", """
                {"type":"about:AR1006","title":"no such agent","status":404,"code":"AR1006",
                 "instance":"demo/nobody","detail":"Deploy it first.","request_id":"r"}
                """));
        using var client = edge.Client();

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => client.Runs.StartAsync("demo/nobody", "", CancellationToken.None));

        Assert.Equal(
            new RuntimeError(ReasonCodes.UnknownAgent, "no such agent", "demo/nobody", "Deploy it first."),
            refused.Error);
    }

    [Fact]
    public async Task An_answer_of_something_else_is_told_from_a_refusal()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("GET", "/v1/agents", 502, "text/html", "<html>Bad gateway</html>"));
        using var client = edge.Client();

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => client.Agents.ListAsync(CancellationToken.None));

        Assert.Contains("502", refused.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("triage")]
    [InlineData("demo/")]
    [InlineData("a/b/c")]
    public async Task An_agent_needs_a_project_and_a_name(string agent)
    {
        using var client = new AgentRuntimeClient(new Uri("http://127.0.0.1:1"), "key");

        await Assert.ThrowsAsync<ArgumentException>(() => client.Runs.StartAsync(agent, "", CancellationToken.None));
    }

    [Fact]
    public async Task A_failed_run_of_an_agent_function_throws_its_error()
    {
        var failed = RunJson
            .Replace("\"status\":\"succeeded\"", "\"status\":\"failed\"", StringComparison.Ordinal)
            .Replace("\"output\":\"done\"", TooSlow, StringComparison.Ordinal);
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", failed),
            ("GET", $"/v1/runs/{Run}/events", 200, "text/event-stream", ""),
            ("GET", $"/v1/runs/{Run}", 200, "application/json", failed));
        using var client = edge.Client();
        var function = new AgentFunction(client, "demo/triage", "triages");

        var error = await Assert.ThrowsAsync<RuntimeErrorException>(() => function.InvokeAsync(
            new(new Dictionary<string, object?> { ["input"] = "x" }), CancellationToken.None).AsTask());

        Assert.Equal("demo_triage", function.Name);
        Assert.Equal(ReasonCodes.CpuTimeLimit, error.Error.Code);
    }

    private static string Event(int sequence, string data) =>
        $"id: {sequence}\nevent: any\ndata: "
        + $"{{\"run\":\"{Run}\",\"sequence\":{sequence},\"at\":\"2026-01-01T00:00:00Z\",\"data\":{data}}}\n\n";
}
