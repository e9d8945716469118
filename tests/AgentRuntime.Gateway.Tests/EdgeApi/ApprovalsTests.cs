using System.Net;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Calls that wait for a person, over HTTP.</summary>
public class ApprovalsTests
{
    private static readonly RunId Run = RunId.New(TimeProvider.System);

    [Fact]
    public async Task A_project_sees_its_own_waiting_calls_and_no_others()
    {
        await using var edge = await StartAsync();

        var mine = await EdgeHarness.JsonAsync(await edge.Client.GetAsync("v1/approvals"), HttpStatusCode.OK);
        edge.UseKey(MemoryPorts.GlobexKey);
        var theirs = await EdgeHarness.JsonAsync(await edge.Client.GetAsync("v1/approvals"), HttpStatusCode.OK);

        var waiting = Assert.Single(mine.GetProperty("approvals").EnumerateArray());
        Assert.Equal(Run.ToString(), waiting.GetProperty("run").GetString());
        Assert.Equal(3, waiting.GetProperty("call").GetInt32());
        Assert.Equal("shop/refund", waiting.GetProperty("tool").GetString());
        Assert.Equal("""{"amount_cents":9900}""", waiting.GetProperty("arguments_json").GetString());
        Assert.Equal(0, theirs.GetProperty("approvals").GetArrayLength());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_decision_reaches_the_run_with_who_made_it(bool approved)
    {
        await using var edge = await StartAsync();

        using var response = await edge.PostAsync(
            $"v1/runs/{Run}/approvals/3", $$"""{"approved":{{(approved ? "true" : "false")}},"comment":"seen"}""");

        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal(
            new RunApproval(edge.Ports.Acme, Run, 3, approved, "seen"), Assert.Single(edge.Ports.Approvals.Decisions));
    }

    [Fact]
    public async Task A_call_is_decided_once()
    {
        await using var edge = await StartAsync();
        await edge.PostAsync($"v1/runs/{Run}/approvals/3", """{"approved":true}""");

        using var again = await edge.PostAsync($"v1/runs/{Run}/approvals/3", """{"approved":false}""");
        using var other = await edge.PostAsync($"v1/runs/{Run}/approvals/4", """{"approved":true}""");

        Assert.Equal("AR7007", await EdgeHarness.ProblemAsync(again, HttpStatusCode.Conflict));
        Assert.Equal("AR7007", await EdgeHarness.ProblemAsync(other, HttpStatusCode.Conflict));
        Assert.True(Assert.Single(edge.Ports.Approvals.Decisions).Approved);
    }

    [Fact]
    public async Task Another_projects_call_is_not_there()
    {
        await using var edge = await StartAsync();
        edge.UseKey(MemoryPorts.GlobexKey);

        using var response = await edge.PostAsync($"v1/runs/{Run}/approvals/3", """{"approved":true}""");

        Assert.Equal("AR1007", await EdgeHarness.ProblemAsync(response, HttpStatusCode.NotFound));
        Assert.Empty(edge.Ports.Approvals.Decisions);
    }

    [Theory]
    [InlineData("3", "{}")]
    [InlineData("3", "")]
    [InlineData("3", """{"approved":"yes"}""")]
    [InlineData("3", """{"approved":false,"approved":true}""")]
    [InlineData("3", """{"approved":true,"comment":"a","comment":"b"}""")]
    [InlineData("three", """{"approved":true}""")]
    [InlineData("-3", """{"approved":true}""")]
    public async Task What_is_no_decision_is_malformed(string call, string body)
    {
        await using var edge = await StartAsync();

        using var response = await edge.PostAsync($"v1/runs/{Run}/approvals/{call}", body);

        Assert.Equal("AR1004", await EdgeHarness.ProblemAsync(response, HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task A_comment_is_bounded()
    {
        await using var edge = await StartAsync();

        using var response = await edge.PostAsync(
            $"v1/runs/{Run}/approvals/3", $$"""{"approved":true,"comment":"{{new string('x', 501)}}"}""");

        Assert.Equal("AR1004", await EdgeHarness.ProblemAsync(response, HttpStatusCode.BadRequest));
    }

    private static async Task<EdgeHarness> StartAsync()
    {
        var edge = await EdgeHarness.StartAsync([]);
        edge.Ports.Approvals.Calls.Add((edge.Ports.Acme, new WaitingApproval(
            Run,
            "demo/triage",
            new ApprovalRequested(3, "shop/refund", """{"amount_cents":9900}""", DateTimeOffset.UnixEpoch))));
        return edge;
    }
}
