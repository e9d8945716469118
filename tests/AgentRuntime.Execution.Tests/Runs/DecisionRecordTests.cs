using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>Every decision of a run is recorded with its arguments and its end; what cannot be is not done.</summary>
public sealed class DecisionRecordTests : IAsyncLifetime
{
    private RunHost _host = null!;
    private TestToolServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = await TestToolServer.StartAsync();
        _host = await RunHost.StartAsync(
            new RunServiceOptions { Workers = 2, ApprovalPatience = TimeSpan.FromMinutes(1) });
        _host.Policy.Tenant = new(
            new QuotaLimits(),
            [_server.Server],
            [ScriptedPolicy.Tool("test/do", """{"type":"object"}""")]);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Allowed_and_refused_calls_are_recorded_with_how_they_ended()
    {
        _host.Policy.Rule = call => call.Resource == "test/do"
            ? new(Verdict.Allow, null, BundleDigest.Of([1])) { DeterminingPolicies = ["grant"] }
            : ScriptedPolicy.Deny(ReasonCodes.ModelNotGranted);

        var (run, _) = await _host.RunAsync(async (_, guest) =>
        {
            await guest.CallToolAsync("test/do", """{"amount":7}""");
            return await guest.ChatAsync("hi");
        });

        var decisions = _host.Audit.Entries.OfType<DecisionMade>().ToList();
        Assert.Equal(["allow", "deny"], decisions.Select(d => d.Verdict));
        Assert.Equal([1, 2], decisions.Select(d => d.Call));
        Assert.Equal(["call_tool", "use_model"], decisions.Select(d => d.Action));
        Assert.All(decisions, d => Assert.Equal(run.Identity.Run.ToString(), d.Run));
        Assert.Equal("""{"amount":7}""", decisions[0].Arguments!.Value.GetRawText());
        Assert.Equal("AR2009", decisions[1].Reason!.Code);
        Assert.Equal(
            new DecisionSettled(decisions[0].Decision, "succeeded"),
            Assert.Single(_host.Audit.Entries.OfType<DecisionSettled>()));
    }

    [Fact]
    public async Task A_call_whose_decision_cannot_be_recorded_is_not_made()
    {
        _host.Audit.IsFull = true;

        var (run, _) = await _host.RunAsync((_, guest) => guest.CallToolAsync("test/do", "{}"));

        Assert.Equal("AR2015", run.Output);
        Assert.Empty(_server.Calls);
        Assert.Equal([("test/do", CallOutcome.NotSent)], _host.Policy.Settled);
    }

    [Fact]
    public async Task A_denial_that_ends_the_run_ends_it()
    {
        _host.Policy.Rule = _ => ScriptedPolicy.Deny(ReasonCodes.RunKilled) with { EndsRun = true };

        var (run, events) = await _host.RunAsync((_, guest) => guest.CallToolAsync("test/do", "{}"));

        Assert.Equal((RunStatus.Failed, ReasonCodes.RunKilled), (run.Status, run.Error!.Code));
        Assert.Equal("AR2014", events.OfType<ToolDecided>().Single().Reason!.Code);
    }
}
