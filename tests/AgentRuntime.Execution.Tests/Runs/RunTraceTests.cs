using System.Collections.Concurrent;
using System.Diagnostics;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

public sealed class RunTraceTests
{
    [Fact]
    public async Task One_trace_leads_from_the_request_through_run_sandbox_decision_and_tool()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Rule = _ => ScriptedPolicy.Deny(ReasonCodes.DefaultDeny);
        host.Policy.Tenant = host.Policy.Tenant with
        {
            Tools = [ScriptedPolicy.Tool("shop/refund", """{"type":"object"}""")],
        };
        await host.DeployAsync("agent", async (_, guest) =>
            await guest.CallToolAsync("shop/refund", "{}") + await guest.CallToolAsync("made/up by guest", "{}"));
        var spans = new ConcurrentQueue<Activity>();
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == RuntimeTelemetry.Name,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                if (span.TraceId == request.TraceId)
                    spans.Enqueue(span);
            },
        };
        ActivitySource.AddActivityListener(listener);
        var run = await host.StartRunAsync("agent");
        await host.EndAsync(run);
        Activity? agent;
        while ((agent = spans.FirstOrDefault(s => s.OperationName == "invoke_agent demo/agent")) is null)
            await Task.Yield();
        Assert.Equal(request.SpanId, agent.ParentSpanId);
        Assert.Equal("invoke_agent", agent.GetTagItem("gen_ai.operation.name"));
        Assert.Equal(run.Identity.Run.ToString(), agent.GetTagItem("gen_ai.conversation.id"));
        var tool = Assert.Single(spans, s => s.OperationName == "execute_tool shop/refund");
        Assert.Equal(agent.SpanId, tool.ParentSpanId);
        Assert.Equal("AR2002", tool.GetTagItem("error.type"));
        Assert.Single(spans, s => s.OperationName == "execute_tool unknown");
        Assert.Equal(2, spans.Count(s => s.OperationName == "policy decide"));
        Assert.Equal(tool.SpanId, spans.First(s => s.OperationName == "policy decide").ParentSpanId);
        Assert.Equal(3, spans.Count(s => s.OperationName == "sandbox run" && s.ParentSpanId == agent.SpanId));
    }
}
