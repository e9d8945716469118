using System.Text.Json;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.Sdk.Tests;

namespace AgentRuntime.Integration.Tests;

/// <summary>
/// What <c>agentctl</c> prints of lists: entries on standard output and nothing else, with <c>--json</c> the API's
/// answer, and that there are none on standard error, with an exit code that says that all went well.
/// </summary>
public sealed class ListingTests
{
    private const string Run = "run_0199a0b0c0d07000800000000000abcd";

    private const string OneRun = $$$"""
        {"runs":[{"id":"{{{Run}}}","agent":"demo/a","status":"failed","module":"m","bundle":"b",
         "created_at":"2026-01-01T00:00:00Z","usage":{"prompt_tokens":0,"cached_prompt_tokens":0,"output_tokens":0},
         "cost_micro_usd":0,"error":{"code":"AR3008","message":"it trapped"}}],"next_page_token":"{{{Run}}}"}
        """;

    [Theory]
    [InlineData("agents list", "/v1/agents", """{"agents":[]}""", "no agents")]
    [InlineData("approvals list", "/v1/approvals", """{"approvals":[]}""", "no call waits for an approval")]
    [InlineData("runs list", "/v1/runs?page_size=20", """{"runs":[]}""", "no runs")]
    [InlineData("slo", "/v1/slo", """{"service_levels":[]}""", "no request in the last hour")]
    [InlineData(
        "policy history", "/v1/policy/history", """{"versions":[]}""", "no bundle was ever put in force")]
    [InlineData("policy decisions", "/v1/policy/decisions?page_size=20", """{"decisions":[]}""", "no decisions")]
    [InlineData(
        "policy threats", "/v1/policy/threats", """{"threats":[]}""", "nothing is held against any agent")]
    public async Task A_list_without_entries_says_so_where_no_program_reads(
        string command, string path, string answer, string said)
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("GET", path, 200, "application/json", answer), ("GET", "/v1/policy", 200, "application/json", "{}"));

        Assert.Equal((0, ""), await AgentctlAsync(edge, $"{command} 2>/dev/null"));
        Assert.Equal((0, said + "\n"), await AgentctlAsync(edge, $"{command} 2>&1 >/dev/null"));
        Assert.Equal((0, answer + "\n"), await AgentctlAsync(edge, $"{command} --json"));
        Assert.Equal((0, ""), await AgentctlAsync(edge, $"{command} 2>&-"));
    }

    [Fact]
    public async Task That_no_model_is_there_is_said_too()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("GET", "/v1/models", 200, "application/json", """{"object":"list","data":[]}"""));

        Assert.Equal((0, ""), await AgentctlAsync(edge, "models 2>/dev/null"));
        Assert.StartsWith("no model is served", (await AgentctlAsync(edge, "models")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_tells_where_the_next_one_begins_and_that_one_is_asked_for()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("GET", "/v1/runs?page_size=1", 200, "application/json", OneRun),
            ("GET", $"/v1/runs?page_size=1&page_token={Run}", 200, "application/json", """{"runs":[]}"""));

        var (_, runs) = await AgentctlAsync(edge, "runs list --limit 1 2>/dev/null");
        var (_, said) = await AgentctlAsync(edge, "runs list --limit 1 2>&1 >/dev/null");
        var (_, json) = await AgentctlAsync(edge, "runs list --limit 1 --json");

        Assert.Equal($"{Run}  failed     demo/a                    2026-01-01 00:00:00Z  AR3008\n", runs);
        Assert.Equal($"more: --page {Run}\n", said);
        Assert.Equal(Run, JsonElement.Parse(json).GetProperty("next_page_token").GetString());
        Assert.Equal((0, "no runs\n"), await AgentctlAsync(edge, $"runs list --limit 1 --page {Run}"));
    }

    [Theory]
    [InlineData("approvals approve r 2", "POST", "/v1/runs/r/approvals/2", "r 2 approved")]
    [InlineData("approvals deny r 2", "POST", "/v1/runs/r/approvals/2", "r 2 denied")]
    [InlineData("agents delete demo/a", "DELETE", "/v1/projects/demo/agents/a", "demo/a deleted")]
    [InlineData("storage clear notes", "DELETE", "/v1/memory/notes", "notes cleared")]
    [InlineData("policy lift demo/a", "DELETE", "/v1/policy/threats/demo/a", "demo/a lifted")]
    public async Task A_command_that_changed_something_says_what(
        string command, string method, string path, string said)
    {
        await using var edge = await ScriptedEdge.StartAsync((method, path, 204, "application/json", ""));

        Assert.Equal((0, said + "\n"), await AgentctlAsync(edge, command));
    }

    [Theory]
    [InlineData("running", "", "is told to stop")]
    [InlineData("succeeded", ",\"ended_at\":\"2026-01-01T00:00:01Z\"", "succeeded")]
    public async Task A_run_that_is_cancelled_is_told_as_it_then_stands(string status, string ended, string said)
    {
        var run = $$"""
            {"id":"{{Run}}","agent":"demo/a","status":"{{status}}","module":"m","bundle":"b","cost_micro_usd":0,
             "created_at":"2026-01-01T00:00:00Z",
             "usage":{"prompt_tokens":0,"cached_prompt_tokens":0,"output_tokens":0}{{ended}}}
            """;
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", $"/v1/runs/{Run}/cancel", 202, "application/json", run),
            ("GET", $"/v1/runs/{Run}", 200, "application/json", run));

        Assert.Equal((0, $"{Run} {said}\n"), await AgentctlAsync(edge, $"runs cancel {Run}"));
    }

    [Theory]
    [InlineData("validate", "PUT", "/v1/policy?dry_run=true")]
    [InlineData("apply", "PUT", "/v1/policy")]
    [InlineData("apply --shadow", "PUT", "/v1/policy/shadow")]
    [InlineData("rollback", "POST", "/v1/policy/rollback")]
    public async Task What_becomes_of_a_bundle_is_told_to_programs_too(string verb, string method, string path)
    {
        const string Answer = """{"problems":[],"bundle":"b","version":3}""";
        await using var edge = await ScriptedEdge.StartAsync((method, path, 200, "application/json", Answer));
        var bundle = verb == "rollback" ? "" : "policies/bundles/demo";

        Assert.Equal((0, Answer + "\n"), await AgentctlAsync(edge, $"policy {verb} --json {bundle}"));
    }

    private static Task<(int ExitCode, string Output)> AgentctlAsync(ScriptedEdge edge, string command) =>
        ChildProcess.RunAsync("bash", ["-c", $"dotnet '{Programs.Agentctl}' {command}"], new Dictionary<string, string>
        {
            ["AGENTRUNTIME_URL"] = edge.Address.ToString(), ["AGENTRUNTIME_API_KEY"] = "ar_live_test",
        });
}
