using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.Extensions.Hosting;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Runs and policy over HTTP.</summary>
public class ControlTests
{
    private static readonly RunTotals Totals = new(new UsageResource(1, 0, 1), 5, 1, 1, 1);

    [Theory]
    [InlineData("v1/projects/demo/agents/triage/runs")]
    [InlineData("v1/agents/triage/runs")]
    public async Task Starting_a_run_answers_where_it_is(string path)
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var response = await edge.PostAsync(path, """{"input":"tickets"}""");

        var run = await EdgeHarness.JsonAsync(response, HttpStatusCode.Accepted);
        Assert.Equal($"/v1/runs/{run.GetProperty("id").GetString()}", response.Headers.Location!.ToString());
        Assert.Equal("queued", run.GetProperty("status").GetString());
        var started = Assert.Single(edge.Ports.Runs.Started);
        Assert.Equal(("demo", "triage", "tickets"), (started.Project, started.Agent, started.Input));
        Assert.Equal(edge.Ports.Acme, started.Caller);
    }

    [Fact]
    public async Task The_body_of_a_run_is_not_waited_for_without_end()
    {
        await using var edge = await EdgeHarness.StartAsync(
            [], new EdgeOptions { ControlTimeout = TimeSpan.FromMilliseconds(100) });
        using var client = new TcpClient();
        await client.ConnectAsync(edge.Address.Host, edge.Address.Port);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /v1/agents/triage/runs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {MemoryPorts.AcmeKey}\r\n"
            + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"));

        using var reader = new StreamReader(stream);
        var status = await reader.ReadLineAsync().WaitAsync(Eventually.Patience);

        Assert.StartsWith("HTTP/1.1 504", status, StringComparison.Ordinal);
        Assert.Empty(edge.Ports.Runs.Started);
    }

    [Fact]
    public async Task An_agent_may_be_named_by_its_id()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        var agent = await EdgeHarness.JsonAsync(await edge.DeployAsync("triage"), HttpStatusCode.Created);

        var path = $"v1/agents/{agent.GetProperty("id").GetString()}/runs";
        using var mine = await edge.PostAsync(path, """{"input":""}""");
        edge.UseKey(MemoryPorts.GlobexKey);
        using var theirs = await edge.PostAsync(path, """{"input":""}""");

        Assert.Equal(HttpStatusCode.Accepted, mine.StatusCode);
        Assert.Equal("triage", Assert.Single(edge.Ports.Runs.Started).Agent);
        Assert.Equal("AR1006", await EdgeHarness.ProblemAsync(theirs, HttpStatusCode.NotFound));
    }

    [Fact]
    public async Task A_keys_project_is_the_only_one_there_is_for_it()
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var run = await edge.PostAsync("v1/projects/other/agents/a/runs", """{"input":""}""");
        using var deploy = await edge.DeployAsync("a", project: "other");

        Assert.Equal("AR1006", await EdgeHarness.ProblemAsync(run, HttpStatusCode.NotFound));
        Assert.Equal("AR1005", await EdgeHarness.ProblemAsync(deploy, HttpStatusCode.NotFound));
    }

    [Fact]
    public async Task The_largest_input_and_two_of_the_largest_bundles_are_taken_however_they_are_escaped()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        var input = new string('\u0001', WireBounds.RunInputBytes);
        var files = Enumerable.Range(0, 2 * WireBounds.BundleBytes / WireBounds.BundleFileBytes)
            .ToDictionary(i => $"{i}.md", _ => new string('\n', WireBounds.BundleFileBytes));

        using var run = await edge.PostAsync(
            "v1/agents/triage/runs", JsonSerializer.Serialize(new StartRunBody(input), WireJson.Default.StartRunBody));
        using var bundle = await PutPolicyAsync(
            edge,
            "v1/policy",
            JsonSerializer.Serialize(new PolicyBundleBody(files), WireJson.Default.PolicyBundleBody));

        Assert.Equal(HttpStatusCode.Accepted, run.StatusCode);
        Assert.Equal(input.Length, Assert.Single(edge.Ports.Runs.Started).Input.Length);
        Assert.Equal(HttpStatusCode.OK, bundle.StatusCode);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"input":null}""")]
    [InlineData("""{"input":7}""")]
    [InlineData("""{"input":"a","input":"b"}""")]
    [InlineData("")]
    [InlineData("null")]
    public async Task A_run_without_an_input_text_is_malformed(string body)
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var response = await edge.PostAsync("v1/agents/triage/runs", body);

        Assert.Equal("AR1004", await EdgeHarness.ProblemAsync(response, HttpStatusCode.BadRequest));
    }

    [Theory]
    [InlineData(1006, 404)]
    [InlineData(2006, 403)]
    [InlineData(6004, 429)]
    [InlineData(7005, 413)]
    [InlineData(7006, 503)]
    public async Task Why_a_run_was_not_started_reaches_the_client(int code, int status)
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        edge.Ports.Runs.Refusal = new RuntimeError(new ReasonCode(code), "no");

        using var response = await edge.PostAsync("v1/agents/triage/runs", """{"input":""}""");

        Assert.Equal($"AR{code}", await EdgeHarness.ProblemAsync(response, (HttpStatusCode)status));
    }

    [Fact]
    public async Task A_runs_events_stream_until_it_ends_and_resume_where_a_client_was()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        await edge.PostAsync("v1/agents/triage/runs", """{"input":""}""");
        var runs = edge.Ports.Runs;
        runs.Append(runs.Only, new GuestLogged("info", "one"));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"v1/runs/{runs.Only}/events");
        request.Headers.Accept.ParseAdd("text/event-stream");

        using var response = await edge.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.Equal("id: 1", await reader.ReadLineAsync());
        Assert.Equal("event: log", await reader.ReadLineAsync());
        runs.Append(runs.Only, new RunSucceeded("done", Totals));
        var rest = await reader.ReadToEndAsync();
        Assert.Contains("id: 2\nevent: run.succeeded\ndata: {", rest, StringComparison.Ordinal);

        using var again = new HttpRequestMessage(HttpMethod.Get, $"v1/runs/{runs.Only}/events");
        again.Headers.Accept.ParseAdd("text/event-stream");
        again.Headers.Add("Last-Event-ID", "1");
        var resumed = await (await edge.Client.SendAsync(again)).Content.ReadAsStringAsync();
        Assert.StartsWith("id: 2\n", resumed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_quiet_event_stream_shows_that_it_is_still_there()
    {
        await using var edge = await EdgeHarness.StartAsync(
            [], new EdgeOptions { EventHeartbeat = TimeSpan.FromMilliseconds(50) });

        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/agents/triage/runs?stream=true")
        {
            Content = new StringContent("""{"input":""}""", Encoding.UTF8, "application/json"),
        };
        using var response = await edge.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());

        Assert.StartsWith(":", await reader.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal($"/v1/runs/{edge.Ports.Runs.Only}", response.Headers.Location!.ToString());
        edge.Ports.Runs.Append(edge.Ports.Runs.Only, new RunSucceeded("done", Totals));
        Assert.Contains("run.succeeded", await reader.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_so_far_are_a_list()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        await edge.PostAsync("v1/agents/triage/runs", """{"input":""}""");
        var runs = edge.Ports.Runs;
        for (var i = 0; i < 3; i++)
            runs.Append(runs.Only, new GuestLogged("info", $"{i}"));

        var all = await EdgeHarness.JsonAsync(
            await edge.Client.GetAsync($"v1/runs/{runs.Only}/events"), HttpStatusCode.OK);
        var page = await EdgeHarness.JsonAsync(
            await edge.Client.GetAsync($"v1/runs/{runs.Only}/events?after=1&limit=1"), HttpStatusCode.OK);

        Assert.Equal(3, all.GetProperty("events").GetArrayLength());
        Assert.Equal(2, Assert.Single(page.GetProperty("events").EnumerateArray()).GetProperty("sequence").GetInt32());
    }

    [Fact]
    public async Task Another_tenants_run_does_not_exist()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        await edge.PostAsync("v1/agents/triage/runs", """{"input":"secret"}""");
        var id = edge.Ports.Runs.Only;
        edge.UseKey(MemoryPorts.GlobexKey);

        foreach (var path in new[] { $"v1/runs/{id}", $"v1/runs/{id}/events", "v1/runs/nonsense" })
        {
            using var response = await edge.Client.GetAsync(path);
            Assert.Equal("AR1007", await EdgeHarness.ProblemAsync(response, HttpStatusCode.NotFound));
        }

        using var cancel = await edge.Client.PostAsync($"v1/runs/{id}/cancel", null);
        Assert.Equal("AR1007", await EdgeHarness.ProblemAsync(cancel, HttpStatusCode.NotFound));
        Assert.Empty(edge.Ports.Runs.Cancelled);
        var list = await EdgeHarness.JsonAsync(await edge.Client.GetAsync("v1/runs"), HttpStatusCode.OK);
        Assert.Empty(list.GetProperty("runs").EnumerateArray());
    }

    [Fact]
    public async Task Runs_are_listed_newest_first_and_page_by_page()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        for (var i = 0; i < 3; i++)
            await edge.PostAsync("v1/agents/triage/runs", """{"input":""}""");

        var first = await EdgeHarness.JsonAsync(
            await edge.Client.GetAsync("v1/runs?page_size=2"), HttpStatusCode.OK);
        var token = first.GetProperty("next_page_token").GetString();
        var second = await EdgeHarness.JsonAsync(
            await edge.Client.GetAsync($"v1/runs?page_size=2&page_token={token}"), HttpStatusCode.OK);

        Assert.Equal(2, first.GetProperty("runs").GetArrayLength());
        Assert.Equal(1, second.GetProperty("runs").GetArrayLength());
        Assert.False(second.TryGetProperty("next_page_token", out _));
        Assert.Equal("AR1004", await EdgeHarness.ProblemAsync(
            await edge.Client.GetAsync("v1/runs?page_size=0"), HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task A_page_of_large_runs_is_shorter_than_asked_for_and_leads_to_the_others()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        edge.Ports.Runs.MaxPage = 2;
        for (var i = 0; i < 4; i++)
            await edge.PostAsync("v1/agents/triage/runs", """{"input":""}""");

        var (seen, token) = (new List<string>(), "");
        do
        {
            var page = await EdgeHarness.JsonAsync(
                await edge.Client.GetAsync($"v1/runs?page_size=50&page_token={token}"), HttpStatusCode.OK);
            seen.AddRange(page.GetProperty("runs").EnumerateArray().Select(r => r.GetProperty("id").GetString()!));
            token = page.TryGetProperty("next_page_token", out var next) ? next.GetString() : null;
        }
        while (token is not null);

        Assert.Equal(4, seen.Distinct().Count());
        Assert.Equal(4, seen.Count);
    }

    [Fact]
    public async Task An_event_stream_ends_in_good_order_when_the_platform_stops()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        await edge.PostAsync("v1/agents/triage/runs", """{"input":""}""");
        edge.Ports.Runs.Append(edge.Ports.Runs.Only, new GuestLogged("info", "one"));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"v1/runs/{edge.Ports.Runs.Only}/events");
        request.Headers.Accept.ParseAdd("text/event-stream");
        using var response = await edge.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.Equal("id: 1", await reader.ReadLineAsync());

        edge.Service<IHostApplicationLifetime>().StopApplication();

        Assert.EndsWith("\n\n", await reader.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_of_a_bundle_is_text_and_never_null()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        foreach (var files in new[]
        {
            """{"a.yaml":null}""", """{"a.yaml":1}""", """["a"]""", """{"a.yaml":"","a.yaml":"x: 1"}""",
        })
            Assert.Equal("AR1004", await EdgeHarness.ProblemAsync(
                await PutPolicyAsync(edge, "v1/policy", $$"""{"files":{{files}}}"""), HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task Cancelling_reaches_the_run()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        await edge.PostAsync("v1/agents/triage/runs", """{"input":""}""");

        using var response = await edge.Client.PostAsync($"v1/runs/{edge.Ports.Runs.Only}/cancel", null);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal(edge.Ports.Runs.Only, Assert.Single(edge.Ports.Runs.Cancelled));
    }

    [Fact]
    public async Task A_bundle_is_in_force_only_when_all_of_it_is_right()
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var bad = await PutPolicyAsync(edge, "v1/policy", """{"files":{"bad":""}}""");
        using var dry = await PutPolicyAsync(edge, "v1/policy?dry_run=true", """{"files":{"a.yaml":""}}""");
        Assert.Null(edge.Ports.AppliedBundle);
        using var good = await PutPolicyAsync(edge, "v1/policy", """{"files":{"a.yaml":"x: 1"}}""");

        var problems = (await EdgeHarness.JsonAsync(bad, HttpStatusCode.UnprocessableEntity)).GetProperty("problems");
        Assert.Equal("AR2007", problems[0].GetProperty("code").GetString());
        Assert.Equal("bad:1", problems[0].GetProperty("where").GetString());
        Assert.Equal(HttpStatusCode.OK, dry.StatusCode);
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        Assert.Equal("x: 1", edge.Ports.AppliedBundle!["a.yaml"]);
    }

    [Theory]
    [InlineData("v1/policy?dry_run=1", "dry_run")]
    [InlineData("v1/policy?dry_run=True", "dry_run")]
    [InlineData("v1/policy?dry_run", "dry_run")]
    [InlineData("v1/policy?dry_run=true&dry_run=true", "dry_run")]
    [InlineData("v1/policy?dryrun=true", "query")]
    public async Task A_bundle_that_is_only_to_be_checked_is_not_put_in_force(string address, string where)
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var answer = await PutPolicyAsync(edge, address, """{"files":{"a.yaml":"x: 1"}}""");

        var error = await EdgeHarness.JsonAsync(answer, HttpStatusCode.BadRequest);
        Assert.Equal("AR1004", error.GetProperty("code").GetString());
        Assert.Equal(where, error.GetProperty("instance").GetString());
        Assert.Null(edge.Ports.AppliedBundle);
    }

    [Theory]
    [InlineData("v1/runs?page_size=5&page_size=6")]
    [InlineData("v1/runs?page_token=a&page_token=b")]
    [InlineData("v1/runs?page_size=0x10")]
    public async Task What_is_asked_for_twice_or_is_not_understood_is_refused(string address)
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var answer = await edge.Client.GetAsync(address);

        var error = await EdgeHarness.JsonAsync(answer, HttpStatusCode.BadRequest);
        Assert.Equal("AR1004", error.GetProperty("code").GetString());
    }

    private static Task<HttpResponseMessage> PutPolicyAsync(EdgeHarness edge, string path, string json) =>
        edge.Client.PutAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));
}
