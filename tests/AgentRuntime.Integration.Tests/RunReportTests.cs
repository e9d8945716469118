using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.Sdk.Tests;

namespace AgentRuntime.Integration.Tests;

/// <summary>What <c>agentctl run</c> makes of calls that wait for a person.</summary>
public sealed class RunReportTests : IDisposable
{
    private const string Run = "run_0199a0b0c0d07000800000000000abcd";

    private const string Ended = $$$"""
        {"id":"{{{Run}}}","agent":"demo/a","status":"succeeded","module":"m","bundle":"b","cost_micro_usd":0,
         "created_at":"2026-01-01T00:00:00Z","output":"done",
         "usage":{"prompt_tokens":0,"cached_prompt_tokens":0,"output_tokens":0}}
        """;

    private const string Held = """
        {"type":"tool.decided","call":1,"tool":"shop/refund","arguments_json":"{}","verdict":"require_approval",
         "determining_policies":[],"reason":{"code":"AR2005","message":"a person decides"}}
        """;

    private const string Asked = """
        {"type":"approval.requested","call":1,"tool":"shop/refund","arguments_json":"{}",
         "expires_at":"2026-01-01T00:15:00Z"}
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("agentruntime-report-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("2 calls allowed, 0 refused", "approved by key:k: seen",
        """{"type":"approval.decided","call":1,"approved":true,"principal":"key:k","comment":"seen"}""",
        """{"type":"tool.started","call":1,"tool":"shop/refund","idempotency_key":"k"}""")]
    [InlineData("0 calls allowed, 2 refused", "denied by key:k\n",
        """{"type":"approval.decided","call":1,"approved":false,"principal":"key:k"}""")]
    [InlineData("0 calls allowed, 2 refused", "shop/refund failed: AR2005: Nobody approved the call in time.",
        """
        {"type":"tool.failed","call":1,"tool":"shop/refund","duration_ms":0,"not_sent":true,
         "error":{"code":"AR2005","message":"Nobody approved the call in time."}}
        """)]
    public async Task A_call_that_waited_counts_as_what_became_of_it(string totals, string told, params string[] then)
    {
        var input = Path.Combine(_folder, "two.jsonl");
        await File.WriteAllTextAsync(input, "{}\n{}\n");
        var events = string.Concat(((string[])[Held, Asked, .. then]).Select((data, i) => Event(i + 1, data)));
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/a/runs", 202, "application/json", Ended),
            ("GET", $"/v1/runs/{Run}/events", 200, "text/event-stream", events),
            ("GET", $"/v1/runs/{Run}", 200, "application/json", Ended));

        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Agentctl, "run", "demo/a", "--input", input],
            new Dictionary<string, string>
            {
                ["AGENTRUNTIME_URL"] = edge.Address.ToString(), ["AGENTRUNTIME_API_KEY"] = "ar_live_test",
            });

        Assert.Equal(0, exit);
        Assert.Contains($"2 runs, 2 succeeded; {totals}\n", output, StringComparison.Ordinal);
        Assert.Contains(told, output, StringComparison.Ordinal);
        Assert.Contains($"agentctl approvals approve {Run} 1, or deny\n", output, StringComparison.Ordinal);
    }

    private static string Event(int sequence, string data) =>
        $"id: {sequence}\nevent: any\ndata: {{\"run\":\"{Run}\",\"sequence\":{sequence},"
        + $"\"at\":\"2026-01-01T00:00:00Z\",\"data\":{data.ReplaceLineEndings("")}}}\n\n";
}
