using AgentRuntime.Abstractions;
using Microsoft.Extensions.AI;

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

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    public async Task No_text_for_a_runs_id_leads_to_another_address(string run)
    {
        await using var edge = await ScriptedEdge.StartAsync(("GET", "/v1/runs/", 200, "application/json", RunJson));
        using var client = edge.Client();

        await Assert.ThrowsAsync<ArgumentException>(() => client.Runs.GetAsync(run, CancellationToken.None));
        await Assert.ThrowsAsync<ArgumentException>(() => client.Runs.CancelAsync(run, CancellationToken.None));

        Assert.Empty(edge.Requests);
    }

    [Fact]
    public async Task A_broken_stream_of_events_is_taken_up_where_it_broke()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            ("GET", $"/v1/runs/{Run}/events", ScriptedEdge.Breaks, "text/event-stream", Log(1) + Log(2)),
            ("GET", $"/v1/runs/{Run}/events", ScriptedEdge.Breaks, "text/event-stream", ""),
            ("GET", $"/v1/runs/{Run}/events", 200, "text/event-stream", Log(3)),
            ("GET", $"/v1/runs/{Run}/events", 200, "text/event-stream", Log(4)),
            ("GET", $"/v1/runs/{Run}", 200, "application/json", RunJson.Replace("succeeded", "running",
                StringComparison.Ordinal)),
            ("GET", $"/v1/runs/{Run}", 200, "application/json", RunJson));
        var time = new HastyTime();
        using var client = edge.Client(time);
        var seen = new List<long>();

        var run = await client.Runs.RunToEndAsync(
            "demo/triage", "in", e => seen.Add(e.Sequence), CancellationToken.None);

        Assert.Equal("done", run.Output);
        Assert.Equal([1L, 2L, 3L, 4L], seen);
        Assert.Equal(["", "2", "2", "3"], edge.LastEventIds);
        Assert.Equal([250, 500, 250], time.Waited.Select(wait => wait.TotalMilliseconds));
        Assert.Single(edge.Requests, request => request.Method == "POST");
    }

    [Fact]
    public async Task A_platform_that_stays_away_is_given_up()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            ("GET", $"/v1/runs/{Run}/events", ScriptedEdge.Breaks, "text/event-stream", ""));
        var time = new HastyTime();
        using var client = edge.Client(time);

        await Assert.ThrowsAnyAsync<IOException>(
            () => client.Runs.RunToEndAsync("demo/triage", "in", null, CancellationToken.None));

        Assert.Equal(11, edge.LastEventIds.Count);
        Assert.Equal(47.75, time.Waited.Sum(wait => wait.TotalSeconds));
    }

    [Fact]
    public async Task A_connection_on_which_nothing_comes_any_more_is_made_anew()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            ("GET", $"/v1/runs/{Run}/events", ScriptedEdge.Hangs, "text/event-stream", Log(1)),
            ("GET", $"/v1/runs/{Run}/events", 200, "text/event-stream", Log(2)),
            ("GET", $"/v1/runs/{Run}", 200, "application/json", RunJson));
        var isSilent = false;
        var time = new HastyTime
        {
            IsDue = due => due < TimeSpan.FromSeconds(30) || Interlocked.Exchange(ref isSilent, false),
        };
        using var client = edge.Client(time);

        var run = await client.Runs.RunToEndAsync(
            "demo/triage", "in", e => isSilent = e.Sequence == 1, CancellationToken.None);

        Assert.Equal("done", run.Output);
        Assert.Equal(["", "1"], edge.LastEventIds);
        Assert.Equal([45, 0.25], time.Waited.Select(wait => wait.TotalSeconds));
    }

    [Fact]
    public async Task A_platform_that_has_no_time_is_asked_again()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            ("GET", $"/v1/runs/{Run}/events", 502, "text/html", "<html>Bad gateway</html>"),
            ("GET", $"/v1/runs/{Run}/events", 503, "application/problem+json",
                """{"title":"too many event streams at once","status":503,"code":"AR4009"}"""),
            ("GET", $"/v1/runs/{Run}/events", 429, "application/problem+json",
                """{"title":"the tenant has 500","status":429,"code":"AR6004"}"""),
            ("GET", $"/v1/runs/{Run}/events", 200, "text/event-stream", Log(1)),
            ("GET", $"/v1/runs/{Run}", 504, "text/html", ""),
            ("GET", $"/v1/runs/{Run}", 200, "application/json", RunJson));
        var time = new HastyTime();
        using var client = edge.Client(time);
        var seen = new List<long>();

        var run = await client.Runs.RunToEndAsync(
            "demo/triage", "in", e => seen.Add(e.Sequence), CancellationToken.None);

        Assert.Equal("done", run.Output);
        Assert.Equal(["", "", "", "", "1"], edge.LastEventIds);
        Assert.Equal([1, 1, 1, 1], time.Waited.Select(wait => wait.TotalSeconds));
    }

    [Theory]
    [InlineData(503, 11)]
    [InlineData(404, 1)]
    public async Task A_platform_that_keeps_refusing_is_given_up(int status, int times)
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            ("GET", $"/v1/runs/{Run}/events", status, "application/problem+json",
                """{"title":"no","status":0,"code":"AR1007"}"""));
        using var client = edge.Client(new HastyTime());

        await Assert.ThrowsAsync<RuntimeErrorException>(
            () => client.Runs.RunToEndAsync("demo/triage", "in", null, CancellationToken.None));

        Assert.Equal(times, edge.LastEventIds.Count);
    }

    [Theory]
    [InlineData(ScriptedEdge.Breaks, ": still here\n\n")]
    [InlineData(200, "")]
    public async Task A_quiet_run_is_followed_however_often_its_connection_ends(int status, string body)
    {
        var quiet = ("GET", $"/v1/runs/{Run}/events", status, "text/event-stream", body);
        await using var edge = await ScriptedEdge.StartAsync(
        [
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            .. Enumerable.Repeat(quiet, 30),
            ("GET", $"/v1/runs/{Run}/events", 200, "text/event-stream", Log(1)),
            .. Enumerable.Repeat(
                ("GET", $"/v1/runs/{Run}", 200, "application/json", RunJson.Replace("succeeded", "running",
                    StringComparison.Ordinal)),
                status == ScriptedEdge.Breaks ? 0 : 30),
            ("GET", $"/v1/runs/{Run}", 200, "application/json", RunJson),
        ]);
        var time = new HastyTime();
        using var client = edge.Client(time);

        var run = await client.Runs.RunToEndAsync("demo/triage", "in", null, CancellationToken.None);

        Assert.Equal("done", run.Output);
        Assert.Equal(31, edge.LastEventIds.Count);
        Assert.Equal(body.Length > 0 ? 0.25 : 8, time.Waited[^1].TotalSeconds);
    }

    [Fact]
    public async Task What_the_callers_own_action_throws_ends_the_following()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            ("GET", $"/v1/runs/{Run}/events", 200, "text/event-stream", Log(1)));
        using var client = edge.Client(new HastyTime());

        var thrown = await Assert.ThrowsAsync<IOException>(() => client.Runs.RunToEndAsync(
            "demo/triage", "in", _ => throw new IOException("disk full"), CancellationToken.None));

        Assert.Equal("disk full", thrown.Message);
        Assert.Single(edge.LastEventIds);
    }

    [Fact]
    public async Task Cancelling_an_agent_function_cancels_its_run()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            ("GET", $"/v1/runs/{Run}/events", ScriptedEdge.Hangs, "text/event-stream", Log(1)),
            ("POST", $"/v1/runs/{Run}/cancel", 202, "application/json", RunJson));
        using var client = edge.Client();
        using var caller = new CancellationTokenSource();
        edge.Asked = path =>
        {
            if (path.EndsWith("/events", StringComparison.Ordinal)) caller.Cancel();
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Function(client).InvokeAsync(Input, caller.Token).AsTask());

        Assert.Equal(("POST", $"/v1/runs/{Run}/cancel"), (edge.Requests[^1].Method, edge.Requests[^1].Path));
    }

    [Fact]
    public async Task An_agent_function_that_is_cancelled_while_it_starts_leaves_no_run_behind()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            ("POST", $"/v1/runs/{Run}/cancel", 202, "application/json", RunJson));
        using var client = edge.Client();
        using var caller = new CancellationTokenSource();
        edge.Asked = path =>
        {
            if (path.EndsWith("/runs", StringComparison.Ordinal)) caller.Cancel();
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Function(client).InvokeAsync(Input, caller.Token).AsTask());

        Assert.Equal(("POST", $"/v1/runs/{Run}/cancel"), (edge.Requests[^1].Method, edge.Requests[^1].Path));
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
        var function = Function(client);

        var error = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => function.InvokeAsync(Input, CancellationToken.None).AsTask());

        Assert.Equal("demo_triage", function.Name);
        Assert.Equal(ReasonCodes.CpuTimeLimit, error.Error.Code);
    }

    private static AIFunctionArguments Input => new(new Dictionary<string, object?> { ["input"] = "x" });

    private static AgentFunction Function(AgentRuntimeClient client) => new(client, "demo/triage", "triages");

    private static string Log(int sequence) =>
        Event(sequence, """{"type":"log","level":"info","message":"hello"}""");

    private static string Event(int sequence, string data) =>
        $"id: {sequence}\nevent: any\ndata: "
        + $"{{\"run\":\"{Run}\",\"sequence\":{sequence},\"at\":\"2026-01-01T00:00:00Z\",\"data\":{data}}}\n\n";
}
