using System.Net.Http.Headers;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.Sdk;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests;

/// <summary>
/// Every address of the platform is asked for what belongs to <c>acme</c>'s project, by another tenant and by another
/// project of the same tenant, on the whole platform. An address that the table below does not have fails the test.
/// </summary>
public sealed class TenantIsolationTests(SharedPlatform platform) : IClassFixture<SharedPlatform>, IAsyncLifetime
{
    private const string Form = """
        {"id":"T","customer_id":"CUS-001","customer":"Ines Albrecht","order_id":"ORD-1001","intent":"refund",
         "amount_cents":3490,"text":"The scarf has a hole."}
        """;

    private const string AskForModel = """{"model":"other-model","messages":[{"role":"user","content":"x"}]}""";

    private static readonly string Guests = Path.Combine(Repository.Root, "sandboxes", "guests", "dist");

    private readonly Dictionary<string, string> _its = [];

    public async Task InitializeAsync()
    {
        using var acme = platform.Client();
        var notebook = await File.ReadAllBytesAsync(Path.Combine(Guests, "notes-c.wasm"));
        foreach (var name in new[] { "demo/acme-writer", "demo/acme-stranger" })
            await acme.Agents.DeployAsync(name, notebook, CancellationToken.None);
        Assert.Empty((await acme.Policy.ApplyAsync(Bundle(), CancellationToken.None)).Problems);
        Assert.Empty((await acme.Policy.BeginShadowAsync(Bundle(), CancellationToken.None)).Problems);
        var kept = await acme.Runs.RunToEndAsync("demo/acme-writer", "set acme-key v", null, CancellationToken.None);
        Assert.Equal(("done", null), (kept.Output, kept.Error));
        await acme.Runs.RunToEndAsync("demo/acme-stranger", "list", null, CancellationToken.None);
        Assert.Single(await acme.Policy.ThreatsAsync(CancellationToken.None));
        var waiting = await acme.Runs.StartAsync("demo/triage", Form, CancellationToken.None);
        await foreach (var e in acme.Runs.WatchAsync(waiting.Id, 0, CancellationToken.None))
            if (e.Data is ApprovalRequested) break;

        var agents = await acme.Agents.ListAsync(CancellationToken.None);
        var decisions = await acme.Policy.DecisionsAsync(null, 1, CancellationToken.None);
        _its["KEPT"] = kept.Id;
        _its["WAITING"] = waiting.Id;
        _its["AGENT_ID"] = agents.Single(a => a.Name == "acme-writer").Id;
        _its["CURSOR"] = decisions.NextPageToken!;
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task What_is_anothers_does_not_exist_at_any_address()
    {
        var attacks = Attacks();
        Assert.Equal(
            ApiReference.Addresses.Select(address => address.ToString()).Order(StringComparer.Ordinal),
            attacks.Select(attack => attack.Address).Distinct().Order(StringComparer.Ordinal));
        using var acme = platform.Client();
        var before = await StandingAsync(acme);

        foreach (var attack in attacks)
        {
            await AssertRefusedAsync(attack, platform.RivalKey, attack.ForStranger);
            if (attack.ForNeighbour is { } expected) await AssertRefusedAsync(attack, platform.SideKey, expected);
        }

        Assert.Equal(before, await StandingAsync(acme));
    }

    /// <param name="Address">As the page of the API has it.</param>
    /// <param name="Path">What is asked for, with acme's ids by name.</param>
    /// <param name="ForStranger">What another tenant is answered: a status, and a code where it is refused.</param>
    /// <param name="ForNeighbour">What another project is answered; null where the tenant's is its own.</param>
    /// <param name="Body">What is sent.</param>
    private sealed record Attack(
        string Address, string Path, string ForStranger, string? ForNeighbour, string? Body = null);

    private static Attack[] Attacks() =>
    [
        new("POST /v1/chat/completions", "/v1/chat/completions", "403 AR2009", "403 AR2009", AskForModel),
        new("POST /v1/completions", "/v1/completions", "403 AR2009", "403 AR2009",
            """{"model":"other-model","prompt":"x"}"""),
        new("POST /v1/responses", "/v1/responses", "403 AR2009", "403 AR2009",
            """{"model":"other-model","input":"x"}"""),
        new("POST /v1/embeddings", "/v1/embeddings", "403 AR2009", "403 AR2009",
            """{"model":"other-model","input":"x"}"""),
        new("GET /v1/models", "/v1/models", "200", "200"),
        new("GET /v1/models/{**id}", "/v1/models/other-model", "404 AR1008", "404 AR1008"),
        new("GET /v1/agents", "/v1/agents", "200", "200"),
        new("PUT /v1/projects/{project}/agents/{agent}", "/v1/projects/demo/agents/triage",
            "201", "404 AR1005", "wasm"),
        new("DELETE /v1/projects/{project}/agents/{agent}", "/v1/projects/demo/agents/acme-writer",
            "404 AR1006", "404 AR1006"),
        new("POST /v1/projects/{project}/agents/{agent}/runs", "/v1/projects/demo/agents/acme-writer/runs",
            "404 AR1006", "404 AR1006", """{"input":"get acme-key"}"""),
        new("POST /v1/agents/{agent}/runs", "/v1/agents/AGENT_ID/runs", "404 AR1006", "404 AR1006",
            """{"input":"get acme-key"}"""),
        new("GET /v1/runs", "/v1/runs", "200", "200"),
        new("GET /v1/runs", "/v1/runs?page_token=WAITING", "200", "200"),
        new("GET /v1/runs/{id}", "/v1/runs/KEPT", "404 AR1007", "404 AR1007"),
        new("GET /v1/runs/{id}/events", "/v1/runs/KEPT/events", "404 AR1007", "404 AR1007"),
        new("GET /v1/runs/{id}/events", "/v1/runs/WAITING/events?stream=true", "404 AR1007", "404 AR1007"),
        new("POST /v1/runs/{id}/cancel", "/v1/runs/WAITING/cancel", "404 AR1007", "404 AR1007", ""),
        new("GET /v1/approvals", "/v1/approvals", "200", "200"),
        new("POST /v1/runs/{id}/approvals/{call}", "/v1/runs/WAITING/approvals/2", "404 AR1007", "404 AR1007",
            """{"approved":true}"""),
        new("GET /v1/policy", "/v1/policy", "200", null),
        new("PUT /v1/policy", "/v1/policy", "422 AR2007", null, """{"files":{}}"""),
        new("GET /v1/policy/history", "/v1/policy/history", "200", null),
        new("POST /v1/policy/rollback", "/v1/policy/rollback", "404 AR2011", null, """{"version":2}"""),
        new("GET /v1/policy/shadow", "/v1/policy/shadow", "404 AR2011", null),
        new("PUT /v1/policy/shadow", "/v1/policy/shadow", "422 AR2007", null, """{"files":{}}"""),
        new("DELETE /v1/policy/shadow", "/v1/policy/shadow", "404 AR2011", null),
        new("POST /v1/policy/test", "/v1/policy/test", "422 AR2007", null, """{"files":{}}"""),
        new("POST /v1/policy/plan", "/v1/policy/plan", "422 AR2007", null, """{"files":{}}"""),
        new("POST /v1/policy/explain", "/v1/policy/explain", "404 AR1007", "404 AR1007", """{"run":"KEPT","call":1}"""),
        new("POST /v1/policy/simulate", "/v1/policy/simulate", "422 AR2007", null, """{"files":{}}"""),
        new("POST /v1/policy/audit", "/v1/policy/audit", "200", null, "{}"),
        new("GET /v1/policy/decisions", "/v1/policy/decisions", "200", null),
        new("GET /v1/policy/decisions", "/v1/policy/decisions?page_token=CURSOR", "200", null),
        new("GET /v1/policy/threats", "/v1/policy/threats", "200", null),
        new("DELETE /v1/policy/threats/{project}/{agent}", "/v1/policy/threats/demo/acme-stranger", "404 AR1006", null),
        new("GET /v1/slo", "/v1/slo", "200", null),
        new("GET /v1/storage", "/v1/storage", "200", null),
        new("DELETE /v1/memory/{bucket}", "/v1/memory/notes", "404 AR1005", null),
        new("GET /healthz", "/healthz", "200", "200"),
        new("GET /v1/nodes", "/v1/nodes", "401 AR1002", "401 AR1002"),
        new("PUT /v1/nodes/{name}", "/v1/nodes/node-1", "401 AR1002", "401 AR1002", """{"url":"http://127.0.0.1:1"}"""),
        new("DELETE /v1/nodes/{name}", "/v1/nodes/node-1", "401 AR1002", "401 AR1002"),
    ];

    private async Task AssertRefusedAsync(Attack attack, string key, string expected)
    {
        using var http = platform.Http(key);
        using var request = new HttpRequestMessage(new(attack.Address.Split(' ')[0]), Named(attack.Path));
        request.Headers.Add("X-Tenant", "acme");
        if (attack.Body is { } body) request.Content = await ContentAsync(Named(body));
        using var response = await http.SendAsync(request);
        var answer = await response.Content.ReadAsStringAsync();

        var words = expected.Split(' ');
        Assert.True($"{(int)response.StatusCode}" == words[0], $"{attack}: {(int)response.StatusCode} {answer}");
        if (words.Length > 1) Assert.Contains(words[1], answer, StringComparison.Ordinal);
        Assert.All(
            ["acme", "notes", "ORD-1001", .. _its.Where(i => i.Key != "CURSOR").Select(i => i.Value)],
            mark => Assert.True(
                Named(attack.Path).Contains(mark, StringComparison.Ordinal)
                    || attack.Body?.Contains(mark, StringComparison.Ordinal) == true
                    || !answer.Contains(mark, StringComparison.Ordinal),
                $"{attack} tells of {mark}: {answer}"));
    }

    private static async Task<HttpContent> ContentAsync(string body)
    {
        if (body != "wasm") return EdgeTests.Json(body);
        var module = new ByteArrayContent(await File.ReadAllBytesAsync(Path.Combine(Guests, "notes-rust.wasm")));
        module.Headers.ContentType = new MediaTypeHeaderValue("application/wasm");
        return module;
    }

    private string Named(string text) =>
        _its.Aggregate(text, (named, id) => named.Replace(id.Key, id.Value, StringComparison.Ordinal));

    /// <summary>All that acme has, as one text.</summary>
    private static async Task<string> StandingAsync(AgentRuntimeClient acme)
    {
        var standing = new object?[]
        {
            await acme.Agents.ListAsync(CancellationToken.None),
            await acme.Runs.ListAsync(null, 200, CancellationToken.None),
            await acme.Approvals.ListAsync(CancellationToken.None),
            await acme.Policy.GetAsync(CancellationToken.None),
            await acme.Policy.HistoryAsync(CancellationToken.None),
            await acme.Policy.ThreatsAsync(CancellationToken.None),
            await acme.Storage.GetAsync(CancellationToken.None),
        };
        return JsonSerializer.Serialize(standing);
    }

    private static Dictionary<string, string> Bundle()
    {
        var files = DemoBundle.Files().Where(f => !f.Key.StartsWith("tests", StringComparison.Ordinal))
            .ToDictionary(f => f.Key, f => f.Value);
        files["bundle.yaml"] += """

            memory: {notes: {}}
            threats:
              probing: {when: {denials: 1, of: agent}, then: quarantine_agent, for: 1h}
            """;
        files["agents.yaml"] = files["agents.yaml"].Replace(
            "max: {amount_cents: 5000}", "approval: true", StringComparison.Ordinal);
        files["agents/notebooks.yaml"] = """
            agents:
              demo/acme-writer: {description: Keeps notes., memory: [notes]}
              demo/acme-stranger: {description: Is granted nothing.}
            """;
        return files;
    }
}
