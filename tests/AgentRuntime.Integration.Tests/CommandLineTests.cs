using System.Text.Json;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.Sdk.Tests;

namespace AgentRuntime.Integration.Tests;

/// <summary>
/// <c>agentctl</c> by itself and against platforms that misbehave: every end has a code and no stack trace, and nothing
/// that others wrote reaches the terminal as it is.
/// </summary>
public sealed class CommandLineTests : IDisposable
{
    private const string Run = "run_0199a0b0c0d07000800000000000abcd";

    private const string RunJson = $$"""
        {"id":"{{Run}}","agent":"demo/triage","status":"succeeded","module":"m","bundle":"b",
         "created_at":"2026-01-01T00:00:00Z","output":"do\u001b[2Jne",
         "usage":{"prompt_tokens":5,"cached_prompt_tokens":2,"output_tokens":3},"cost_micro_usd":7}
        """;

    private static readonly Uri Nowhere = new("http://127.0.0.1:9");

    private readonly string _folder = Directory.CreateTempSubdirectory("agentruntime-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(2, "AR8006", "run", "triage", "--text", "x")]
    [InlineData(2, "AR8006", "run", "demo/", "--text", "x")]
    [InlineData(2, "AR8006", "agents", "deploy", "my", "a.wasm")]
    [InlineData(2, "AR8006", "policy", "lift", "a/b/c")]
    [InlineData(2, "AR8006", "models", "--url", "localhost:8790")]
    [InlineData(2, "AR8006", "models", "--url", "")]
    [InlineData(2, "AR8006", "models", "--url", "http://me:hunter2@127.0.0.1:9")]
    [InlineData(2, "AR8006", "policy", "lift", "../shadow")]
    [InlineData(2, "AR8006", "runs", "show", "")]
    [InlineData(2, "AR8006", "runs", "list", "--limit", "many")]
    [InlineData(2, "AR8006", "approvals", "approve", "run_x", "2nd")]
    [InlineData(2, "AR8006", "runs", "cancel", "..")]
    [InlineData(2, "AR8006", "storage", "clear", "..")]
    [InlineData(2, "AR8006", "agents", "delete", "my")]
    [InlineData(1, "AR8008", "run", "demo/a", "--input", "/dev/zero")]
    [InlineData(1, "AR8008", "run", "demo/a", "--input", "/")]
    [InlineData(1, "AR8007", "models")]
    [InlineData(1, "AR8008", "new", "--lang", "c", "/proc/none/agent")]
    public async Task A_mistake_has_a_code(int exitCode, string code, params string[] arguments) =>
        AssertEnd((exitCode, code), await AgentctlAsync(Nowhere, arguments));

    [Theory]
    [InlineData(2, "agentctl", "models nonsense 2>&-")]
    [InlineData(2, "agentctl", "models nonsense >/dev/full 2>/dev/full")]
    [InlineData(1, "agentctl", "models 2>&-")]
    [InlineData(1, "agentctl", "--help >/dev/full 2>&-")]
    [InlineData(1, "agentctl", "--help >&- 2>&-")]
    [InlineData(0, "agentctl", "--help | head -c 1; exit ${PIPESTATUS[0]}")]
    [InlineData(2, "agentruntime", "nonsense 2>&-")]
    [InlineData(1, "agentruntime", "all --config /proc/none 2>/dev/full")]
    [InlineData(1, "agentruntime", "--help >/dev/full 2>&-")]
    public async Task Where_nothing_can_be_written_the_exit_code_tells(int exitCode, string program, string command)
    {
        var file = program == "agentctl" ? Programs.Agentctl : Programs.Platform;
        var (exit, _) = await ChildProcess.RunAsync(
            "bash", ["-c", $"dotnet '{file}' {command}"], Environment(Nowhere, "ar_live_x"));

        Assert.Equal(exitCode, exit);
    }

    [Fact]
    public async Task A_key_that_cannot_be_sent_is_told()
    {
        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Agentctl, "models"], Environment(Nowhere, "ar_live_x\n"));

        AssertEnd((2, "AR8006"), (exit, output));
    }

    [Fact]
    public async Task A_file_of_inputs_is_text_with_or_without_a_mark_before_it()
    {
        var marked = Path.Combine(_folder, "marked.jsonl");
        await File.WriteAllBytesAsync(marked, [0xef, 0xbb, 0xbf, .. "{}\r\n"u8]);
        var latin = Path.Combine(_folder, "latin.jsonl");
        await File.WriteAllBytesAsync(latin, [0xfc]);
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 404, "application/problem+json", "{}"));

        await AgentctlAsync(edge.Address, "run", "demo/triage", "--input", marked);
        AssertEnd((1, "AR8008"), await AgentctlAsync(edge.Address, "run", "demo/triage", "--input", latin));

        Assert.Equal("""{"input":"{}"}""", Assert.Single(edge.Requests).Body);
    }

    [Fact]
    public async Task A_command_that_reads_from_a_pipe_can_be_interrupted()
    {
        var pipe = Path.Combine(_folder, "pipe");
        using (var make = System.Diagnostics.Process.Start("mkfifo", [pipe])) await make.WaitForExitAsync();
        await using var command = ChildProcess.Start(
            "dotnet", [Programs.Agentctl, "run", "demo/triage", "--input", pipe], Environment(Nowhere));

        // Opening waits for the reader, so that the command is in the middle of reading from here on. .NET locks what
        // it opens unless that is shared, and whoever is second is refused.
        await using var writer = new FileStream(pipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        await command.TerminateAsync();
        await command.Exited.WaitAsync(TimeSpan.FromMinutes(1));

        Assert.NotEqual(0, command.ExitCode);
    }

    [Fact]
    public async Task A_module_beyond_the_platforms_bound_is_not_sent()
    {
        var file = Path.Combine(_folder, "large.wasm");
        using (var module = File.OpenHandle(file, FileMode.Create, FileAccess.Write))
            RandomAccess.SetLength(module, (16 << 20) + 1);

        AssertEnd((1, "AR8008"), await AgentctlAsync(Nowhere, "agents", "deploy", "demo/a", file));
    }

    [Theory]
    [InlineData("GET", "/v1/runs/x/events", "runs", "events", "x")]
    [InlineData("POST", "/v1/chat/completions", "chat", "Hello")]
    public async Task A_connection_that_breaks_off_has_a_code(string method, string path, params string[] arguments)
    {
        await using var edge = await ScriptedEdge.StartAsync(
            (method, path, ScriptedEdge.Breaks, "text/event-stream", ": here\n\n"));

        AssertEnd((1, "AR8007"), await AgentctlAsync(edge.Address, arguments));
    }

    [Fact]
    public async Task An_answer_that_is_no_answer_has_a_code()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("GET", "/v1/models", 200, "application/json", "<html>"));

        AssertEnd((1, "AR1009"), await AgentctlAsync(edge.Address, "models"));
    }

    [Fact]
    public async Task A_command_that_is_interrupted_says_so_by_its_exit_code_alone()
    {
        await using var edge = await ScriptedEdge.StartAsync(
            ("GET", "/v1/runs/x/events", ScriptedEdge.Hangs, "text/event-stream", ": here\n\n"));
        var asked = new TaskCompletionSource();
        edge.Asked = _ => asked.TrySetResult();
        await using var command = ChildProcess.Start(
            "dotnet", [Programs.Agentctl, "runs", "events", "x"], Environment(edge.Address));
        await asked.Task;

        await command.TerminateAsync();
        await command.Exited;

        Assert.Equal(130, command.ExitCode);
        Assert.Equal("", command.Output);
    }

    [Fact]
    public async Task A_text_that_begins_with_an_at_sign_names_no_file()
    {
        var secret = Path.Combine(_folder, "secret");
        await File.WriteAllTextAsync(secret, "hunter2");
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 404, "application/problem+json", "{}"));

        await AgentctlAsync(edge.Address, "run", "demo/triage", "--text", $"@{secret}");
        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Platform, "all", "--config", $"@{secret}"]);

        Assert.Equal($$"""{"input":"@{{secret}}"}""", Assert.Single(edge.Requests).Body);
        Assert.Equal(1, exit);
        Assert.Contains("AR8008", output, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_waits_for_a_person_is_shown_as_it_is_ordered_with_all_that_cannot_be_seen()
    {
        await using var edge = await ScriptedEdge.StartAsync(("GET", "/v1/approvals", 200, "application/json", $$$"""
            {"approvals":[{"run":"{{{Run}}}","agent":"demo/a","call":1,"tool":"shop/\u001b[8mrefund",
             "arguments_json":"{\"to\":\"\u202e05 DE\u2066\u200d\u200c\udb40\udc41\u3164\u00a0é\"}\n",
             "expires_at":"2026-01-01T00:00:00Z"}]}
            """));

        var (_, output) = await AgentctlAsync(edge.Address, "approvals", "list");

        Assert.Contains(
            """

              shop/\u001b[8mrefund {"to":"\u202e05 DE\u2066\u200d\u200c\udb40\udc41\u3164\u00a0é"}\u000a

            """,
            output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_guests_tools_and_models_say_stays_on_its_line()
    {
        const string Hostile = @"a\u001b]0;x\u0007\nallow  shop/y\u202e";
        await using var edge = await ScriptedEdge.StartAsync(
            ("POST", "/v1/projects/demo/agents/triage/runs", 202, "application/json", RunJson),
            ("GET", $"/v1/runs/{Run}/events", 200, "text/event-stream",
                Event(1, $$"""{"type":"log","level":"info","message":"{{Hostile}}"}""")
                + Event(2, $$$"""
                    {"type":"tool.failed","call":1,"tool":"shop/x","duration_ms":1,
                     "error":{"code":"AR5001","message":"{{{Hostile}}}"}}
                    """)),
            ("GET", $"/v1/runs/{Run}", 200, "application/json", RunJson),
            ("GET", "/v1/policy/threats", 200, "application/json", $$"""
                {"threats":[{"agent":"demo/a","effect":"{{Hostile}}","until":"2026-01-01T00:00:00Z","rule":"r",
                 "detail":"{{Hostile}}"}]}
                """),
            ("GET", "/v1/agents", 403, "application/problem+json",
                $$"""{"title":"{{Hostile}}","status":403,"code":"AR2002"}"""),
            ("POST", "/v1/chat/completions", 200, "text/event-stream",
                $$$"""data: {"choices":[{"index":0,"delta":{"content":"{{{Hostile}}}"}}]}""" + "\n\n"));

        var run = await AgentctlAsync(edge.Address, "run", "demo/triage", "--text", "x");
        var threats = await AgentctlAsync(edge.Address, "policy", "threats");
        var agents = await AgentctlAsync(edge.Address, "agents", "list");
        var chat = await AgentctlAsync(edge.Address, "chat", "Hello");

        Assert.All(
            [run.Output, threats.Output, agents.Output, chat.Output],
            output => Assert.DoesNotContain(output, c => c is '\u001b' or '\u0007' or '\u202e'));
        Assert.Contains("  log    info: a]0;x allow  shop/y\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("shop/x failed: AR5001: a]0;x allow  shop/y\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("  succeeded  do[2Jne\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("demo/a  a]0;x allow  shop/y  until", threats.Output, StringComparison.Ordinal);
        Assert.Equal("error AR2002: a]0;x allow  shop/y\n", agents.Output);
        Assert.Equal("a]0;x\nallow  shop/y\n", chat.Output);
    }

    [Theory]
    [InlineData("GET", "/v1/policy/history", """
        {"versions":[{"version":1,"bundle":"b","at":"2026-01-01T00:00:00Z","principal":"p","cause":"apply"}]}
        """, "policy", "history")]
    [InlineData("PUT", "/v1/policy?dry_run=true", """
        {"bundle":null,"problems":[{"code":"none","message":"m"}]}
        """, "policy", "validate", "")]
    public async Task An_answer_that_no_platform_gives_has_a_code(
        string method, string path, string answer, params string[] arguments)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "bundle.yaml"), "name: x");
        await using var edge = await ScriptedEdge.StartAsync(
            ("GET", "/v1/policy", 200, "application/json", "{}"), (method, path, 200, "application/json", answer));

        AssertEnd((1, "AR1009"), await AgentctlAsync(
            edge.Address, [.. arguments.Select(a => a.Length == 0 ? _folder : a)]));
    }

    [Fact]
    public async Task The_versions_of_a_bundle_are_told_as_the_api_tells_them()
    {
        const string Answer = """
            {"versions":[{"version":1,"bundle":"b","at":"2026-01-01T00:00:00Z","principal":"p","cause":"apply"}]}
            """;
        await using var edge = await ScriptedEdge.StartAsync(
            ("GET", "/v1/policy/history", 200, "application/json", Answer));

        var (exit, output) = await AgentctlAsync(edge.Address, "policy", "history", "--json");

        Assert.Equal(0, exit);
        Assert.Equal(1, JsonElement.Parse(output).GetProperty("versions")[0].GetProperty("version").GetInt32());
    }

    [Fact]
    public async Task A_bundle_whose_links_stay_in_its_folder_is_sent()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "..2026"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "..2026", "bundle.yaml"), "name: x");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "..2026");
        File.CreateSymbolicLink(Path.Combine(_folder, "bundle.yaml"), "..data/bundle.yaml");
        await using var edge = await ScriptedEdge.StartAsync(
            ("PUT", "/v1/policy", 200, "application/json", """{"bundle":"b","problems":[],"version":1}"""));

        await AgentctlAsync(edge.Address, "policy", "apply", _folder);

        Assert.Equal("""{"files":{"bundle.yaml":"name: x"}}""", Assert.Single(edge.Requests).Body);
    }

    [Fact]
    public async Task A_bundle_with_a_link_in_it_is_not_sent()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "bundle.yaml"), "name: x");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "policies"), "/etc");
        await using var edge = await ScriptedEdge.StartAsync();

        var (exit, output) = await AgentctlAsync(edge.Address, "policy", "apply", _folder);

        AssertEnd((1, "AR8008"), (exit, output));
        Assert.Contains("links are not part of a bundle", output, StringComparison.Ordinal);
        Assert.Empty(edge.Requests);
    }

    [Fact]
    public async Task A_bundle_is_sent_with_all_of_its_files_however_deep_they_lie()
    {
        const string Deep = "1/2/3/4/5/6/7/8/9/10";
        Directory.CreateDirectory(Path.Combine(_folder, Deep));
        await File.WriteAllTextAsync(Path.Combine(_folder, Deep, "a.md"), "\"é\"");
        await using var edge = await ScriptedEdge.StartAsync(
            ("PUT", "/v1/policy", 200, "application/json", """{"bundle":"b","problems":[],"version":1}"""));

        await AgentctlAsync(edge.Address, "policy", "apply", _folder);

        Assert.Equal($$$"""{"files":{"{{{Deep}}}/a.md":"\"é\""}}""", Assert.Single(edge.Requests).Body);
    }

    private static void AssertEnd((int ExitCode, string Code) expected, (int ExitCode, string Output) end)
    {
        Assert.True(end.ExitCode == expected.ExitCode, $"exit {end.ExitCode}: {end.Output}");
        Assert.StartsWith($"error {expected.Code}: ", end.Output, StringComparison.Ordinal);
        Assert.Single(end.Output.TrimEnd().Split('\n'));
    }

    private static string Event(int sequence, string data) =>
        $"id: {sequence}\nevent: any\ndata: {{\"run\":\"{Run}\",\"sequence\":{sequence},"
        + $"\"at\":\"2026-01-01T00:00:00Z\",\"data\":{data.ReplaceLineEndings("")}}}\n\n";

    private static Dictionary<string, string> Environment(Uri url, string key = "ar_live_test") =>
        new() { ["AGENTRUNTIME_URL"] = url.ToString(), ["AGENTRUNTIME_API_KEY"] = key };

    private static Task<(int ExitCode, string Output)> AgentctlAsync(Uri url, params string[] arguments) =>
        ChildProcess.RunAsync("dotnet", [Programs.Agentctl, .. arguments], Environment(url));
}
