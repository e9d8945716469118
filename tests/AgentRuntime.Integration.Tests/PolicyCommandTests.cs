using System.Text.Json;
using System.Text.RegularExpressions;
using AgentRuntime.Abstractions;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests;

/// <summary>Every verb of <c>agentctl policy</c>, as policies/README.md has it, on the whole platform.</summary>
public sealed partial class PolicyCommandTests(RunningPlatform platform) : IClassFixture<RunningPlatform>
{
    private static readonly string Readme = File.ReadAllText(
        Path.Combine(Repository.Root, "policies", "README.md"));

    [Fact]
    public async Task The_readmes_commands_do_what_it_says()
    {
        var mine = Path.Combine(platform.State, "my-policy");
        CopyDemo(mine, limit: 9000);
        var refused = await RefusedRunAsync();

        Assert.Contains("valid  sha256:", await TypeAsync("policy validate my-policy"), StringComparison.Ordinal);
        var tests = await TypeAsync("policy test my-policy", exit: 1);
        Assert.Matches(@"FAIL  tests/\S+:\d+", tests);
        Assert.EndsWith("11 passed, 1 failed", tests, StringComparison.Ordinal);

        var plan = await TypeAsync("policy plan my-policy");
        Assert.Contains("wider     demo/triage  shop/refund: deny -> allow", plan, StringComparison.Ordinal);
        Assert.EndsWith("decided about differently: demo/triage", plan, StringComparison.Ordinal);

        var recorded = await TypeAsync(
            "policy explain run_01a1fb807e747b70b6bd0de64bb93a42 2",
            ("run_01a1fb807e747b70b6bd0de64bb93a42 2", $"{refused.Run} {refused.Call}"));
        Assert.Contains("deny  demo/triage  shop/refund", recorded, StringComparison.Ordinal);
        Assert.Contains("decided then: deny", recorded, StringComparison.Ordinal);
        Assert.Matches("would have to be true: .*amount_cents.* <= 5000", recorded);
        var possible = await TypeAsync(
            "policy explain --agent demo/triage --tool shop/refund --arguments "
                + "'{\"order_id\":\"ORD-1004\",\"amount_cents\":42900,\"reason\":\"broken\"}'");
        Assert.Contains("AR2002", possible, StringComparison.Ordinal);
        Assert.Contains("would forbid it if: context.input.order_id like", possible, StringComparison.Ordinal);

        var simulation = await TypeAsync("policy simulate my-policy --days 7");
        Assert.Contains("deny -> allow  demo/triage  shop/refund", simulation, StringComparison.Ordinal);
        Assert.Contains($"{refused.Run} {refused.Call}", simulation, StringComparison.Ordinal);
        var (_, same) = await platform.AgentctlAsync("policy", "simulate", "policies/bundles/demo");
        Assert.Matches(@"\d+ decisions since .*: 0 changed", same);

        Assert.Contains("in shadow", await TypeAsync("policy apply --shadow my-policy"), StringComparison.Ordinal);
        await RefusedRunAsync();
        Assert.Contains("deny -> allow: 1", await TypeAsync("policy shadow"), StringComparison.Ordinal);
        await TypeAsync("policy shadow --end");

        Assert.StartsWith("in force  version 2", await TypeAsync("policy apply my-policy"), StringComparison.Ordinal);
        Assert.Contains("in force", await TypeAsync("policy history"), StringComparison.Ordinal);
        Assert.StartsWith("in force  version 3", await TypeAsync("policy rollback"), StringComparison.Ordinal);
        Assert.StartsWith("in force  version 4", await TypeAsync("policy rollback 2"), StringComparison.Ordinal);
        await platform.AgentctlAsync("policy", "rollback", "1");

        var audit = await TypeAsync("policy audit");
        Assert.Contains("nobody can call shop/delete_customer", audit, StringComparison.Ordinal);
        Assert.Contains("decided nothing in 30 days: test-orders-are-not-refunded", audit, StringComparison.Ordinal);
        var comparison = await TypeAsync("policy audit policies/bundles/demo --compare my-policy --days 30");
        Assert.Contains("wider     demo/triage  shop/refund", comparison, StringComparison.Ordinal);
        Assert.Contains("AR2002", await TypeAsync("policy decisions --limit 5"), StringComparison.Ordinal);
        Assert.Equal("nothing is held against any agent", await TypeAsync("policy threats"));
        Assert.Contains("AR1006", await TypeAsync("policy lift demo/triage", exit: 1), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_says_which_bundle_it_ran_under_and_a_wrong_one_is_told_whole()
    {
        using var client = platform.Client();
        var before = (await client.Policy.GetAsync(CancellationToken.None)).InForce!;
        var run = await client.Runs.RunToEndAsync("demo/digest", "one two", null, CancellationToken.None);
        var broken = Path.Combine(platform.State, "broken-policy");
        CopyDemo(broken, limit: 5000);
        await File.AppendAllTextAsync(
            Path.Combine(broken, "agents.yaml"), "  demo/x: {modell: demo, tools: [shop/x]}\n");

        var (exit, output) = await platform.AgentctlAsync("policy", "apply", broken);

        Assert.Equal(1, exit);
        Assert.Equal(before.Bundle, run.Bundle);
        Assert.Equal(2, Problem().Count(output));
        Assert.Contains("did you mean 'model'?", output, StringComparison.Ordinal);
        Assert.Equal(before, (await client.Policy.GetAsync(CancellationToken.None)).InForce);
    }

    [Fact]
    public async Task Two_bundles_of_the_largest_size_can_be_compared()
    {
        var large = Path.Combine(platform.State, "large-policy");
        CopyDemo(large, limit: 5000);
        var quotes = new string('"', 1_000_000); // escaped each
        for (var i = 0; i < 4; i++) await File.WriteAllTextAsync(Path.Combine(large, $"notes-{i}.md"), quotes);

        var (exit, output) = await platform.AgentctlAsync("policy", "audit", large, "--compare", large);
        var larger = Path.Combine(large, "notes-4.md");
        await File.WriteAllTextAsync(larger, quotes);
        var refused = await platform.AgentctlAsync("policy", "validate", large);
        File.Delete(larger);

        Assert.True(exit == 0, output);
        Assert.Contains("the other bundle decides alike", output, StringComparison.Ordinal);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("AR8008", refused.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PUT", "v1/policy")]
    [InlineData("POST", "v1/policy/rollback")]
    [InlineData("PUT", "v1/policy/shadow")]
    [InlineData("POST", "v1/policy/test")]
    [InlineData("POST", "v1/policy/plan")]
    [InlineData("POST", "v1/policy/explain")]
    [InlineData("POST", "v1/policy/simulate")]
    [InlineData("POST", "v1/policy/audit")]
    public async Task An_address_takes_only_what_it_says_from_whom_it_knows(string method, string address)
    {
        using var http = platform.Http();
        using var stranger = platform.Http("ar_live_nobody");

        Assert.Equal(401, await StatusAsync(stranger, method, address, "{}"));
        Assert.Equal(400, await StatusAsync(http, method, address, "{"));
        Assert.Equal(400, await StatusAsync(http, method, address, """{"files": 5, "run": 5, "version": "x"}"""));
        Assert.Equal(413, await StatusAsync(http, method, address, new string(' ', 19 << 20)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"version":0}""")]
    [InlineData("""{"version":-1}""")]
    [InlineData("""{"version":1.5}""")]
    public async Task A_rollback_to_what_is_no_version_changes_nothing(string body)
    {
        using var http = platform.Http();
        var before = await http.GetStringAsync("v1/policy/history");

        Assert.Equal(400, await StatusAsync(http, "POST", "v1/policy/rollback", body));

        Assert.Equal(before, await http.GetStringAsync("v1/policy/history"));
    }

    [Fact]
    public async Task A_bundle_above_what_the_operator_grants_is_refused()
    {
        var bundle = Path.Combine(Repository.Root, "policies", "bundles", "demo");
        var file = Path.Combine(platform.State, "ceiling.json");
        await File.WriteAllTextAsync(file, $$"""
            {
              "listen": "http://127.0.0.1:0", "state": "ceiling",
              "nodes": { "count": 0 }, "engines": [{ "name": "none", "url": "http://127.0.0.1:9" }],
              "quota_ceiling": { "requests_per_minute": 100 },
              "tenants": [{ "name": "acme", "project": "demo", "bundle": {{JsonSerializer.Serialize(bundle)}} }]
            }
            """);

        var (exit, output) = await ChildProcess.RunAsync("dotnet", [Programs.Platform, "all", "--config", file]);

        Assert.Equal(1, exit);
        Assert.Contains("'requests_per_minute' is above what the platform grants", output, StringComparison.Ordinal);
        Assert.Contains("bundle.yaml:", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_agent_that_probes_is_put_into_quarantine_until_somebody_lifts_it()
    {
        var strict = new RunningPlatform();
        await strict.InitializeAsync();
        try
        {
            using var client = strict.Client();
            var folder = Path.Combine(strict.State, "strict");
            CopyDemo(folder, limit: 5000);
            await File.AppendAllTextAsync(
                Path.Combine(folder, "bundle.yaml"),
                "threats:\n  probing: {when: {denials: 1, of: agent}, then: quarantine_agent, for: 1h}\n");
            Assert.Equal(0, (await strict.AgentctlAsync("policy", "apply", folder)).ExitCode);
            await client.Runs.RunToEndAsync("demo/triage", Ticket(42_900), null, CancellationToken.None);

            var refusal = await Assert.ThrowsAsync<RuntimeErrorException>(
                () => client.Runs.RunToEndAsync("demo/triage", Ticket(100), null, CancellationToken.None));
            Assert.Equal(ReasonCodes.AgentQuarantined, refusal.Error.Code);
            Assert.Contains(
                "demo/triage  quarantine_agent", (await strict.AgentctlAsync("policy", "threats")).Output,
                StringComparison.Ordinal);
            Assert.Equal(0, (await strict.AgentctlAsync("policy", "lift", "demo/triage")).ExitCode);
            var run = await client.Runs.RunToEndAsync("demo/triage", Ticket(100), null, CancellationToken.None);
            Assert.Equal("succeeded", run.Status);
        }
        finally
        {
            await strict.DisposeAsync();
        }
    }

    private static async Task<int> StatusAsync(HttpClient http, string method, string address, string body)
    {
        using var request = new HttpRequestMessage(new(method), address) { Content = EdgeTests.Json(body) };

        // Or else the answer to a body that is too long may come while it is still being sent, and is lost.
        request.Headers.ExpectContinue = true;
        using var response = await http.SendAsync(request);
        return (int)response.StatusCode;
    }

    /// <summary>A run whose refund was refused, and the number of that call.</summary>
    private async Task<(string Run, int Call)> RefusedRunAsync()
    {
        using var client = platform.Client();
        var run = await client.Runs.RunToEndAsync("demo/triage", Ticket(6_000), null, CancellationToken.None);
        await foreach (var e in client.Runs.WatchAsync(run.Id, 0, CancellationToken.None))
            if (e.Data is ToolDecided { Verdict: "deny", Tool: "shop/refund" } decided)
                return (run.Id, decided.Call);
        throw new InvalidOperationException("the refund was not refused");
    }

    private static string Ticket(int cents) => JsonSerializer.Serialize(new
    {
        id = "T-1",
        customer_id = "CUS-004",
        customer = "Priya Raman",
        order_id = "ORD-1004",
        intent = "refund",
        amount_cents = cents,
        text = "It is warped.",
    });

    /// <summary>Types a command that the README has, with what a reader would fill in.</summary>
    private Task<string> TypeAsync(string command, int exit = 0) => TypeAsync(command, exit, ("", ""));

    private Task<string> TypeAsync(string command, (string Is, string Becomes) filled) => TypeAsync(command, 0, filled);

    private async Task<string> TypeAsync(string command, int exit, (string Is, string Becomes) filled)
    {
        Assert.Contains($"\n./runtime/agentctl {command}\n", Readme, StringComparison.Ordinal);
        if (filled.Is.Length > 0)
            command = command.Replace(filled.Is, filled.Becomes, StringComparison.Ordinal);
        command = command.Replace("my-policy", Path.Combine(platform.State, "my-policy"), StringComparison.Ordinal);
        var (code, output) = await platform.AgentctlAsync(
            [.. Word().Matches(command).Select(m => m.Value.Trim('\''))]);
        Assert.True(code == exit, $"{command}\n{output}");
        return output.TrimEnd();
    }

    private static void CopyDemo(string folder, int limit)
    {
        var demo = Path.Combine(Repository.Root, "policies", "bundles", "demo");
        foreach (var file in Directory.EnumerateFiles(demo, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(folder, Path.GetRelativePath(demo, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.WriteAllText(
                copy,
                File.ReadAllText(file).Replace(
                    "max: {amount_cents: 5000}", $"max: {{amount_cents: {limit}}}", StringComparison.Ordinal));
        }
    }

    [GeneratedRegex("'[^']*'|[^ ]+", RegexOptions.NonBacktracking)]
    private static partial Regex Word();

    [GeneratedRegex("AR2007", RegexOptions.NonBacktracking)]
    private static partial Regex Problem();
}
