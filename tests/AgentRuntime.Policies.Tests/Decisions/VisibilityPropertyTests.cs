using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

/// <summary>
/// A tool that is hidden from an agent is never allowed to it, whatever the policies and the arguments.
/// </summary>
public sealed class VisibilityPropertyTests
{
    private static readonly string[] Principals =
    [
        "principal",
        "principal == AgentRuntime::Agent::\"demo/clerk\"",
        "principal == AgentRuntime::Agent::\"demo/idle\"",
        "principal in AgentRuntime::Project::\"demo\"", "principal is AgentRuntime::Agent",
    ];

    private static readonly string[] Actions =
    [
        "action", "action == AgentRuntime::Action::\"shop/erase\"", "action == AgentRuntime::Action::\"shop/lookup\"",
        "action in AgentRuntime::Action::\"shop\"", "action in AgentRuntime::Action::\"may_write\"",
        "action in AgentRuntime::Action::\"call_tool\"", "action == AgentRuntime::Action::\"use_model\"",
    ];

    private static readonly string[] Conditions =
    [
        "", " when { context.history.calls < 1 }", " when { context.user like \"key:*\" }",
        " unless { context.history.integrity == \"trusted\" }", " when { context.now < datetime(\"2020-01-01\") }",
        " when { resource == AgentRuntime::ToolServer::\"files\" }", " unless { resource is AgentRuntime::ToolServer }",
        " when { context.history.calls + 9223372036854775807 > 0 }", " when { 9223372036854775807 + 1 > 0 }",
        " when { principal in AgentRuntime::Project::\"other\" || context.history.failures == 0 }",
    ];

    private static readonly PolicyCall[] Tried =
    [
        Calls.Tool("shop/erase"), Calls.Tool("shop/lookup", """{"order": "A"}"""),
        Calls.Tool("shop/refund", """{"order": "A", "amount_cents": 1}"""),
        Calls.Tool("files/read", """{"path": "/public/a"}"""), Calls.Tool("files/read"),
    ];

    [Fact]
    public void A_hidden_tool_is_never_allowed()
    {
        var (hidden, allowed) = (0, 0);
        for (var seed = 0; seed < 300; seed++)
        {
            if (Snapshot(new Random(seed)) is not { } snapshot)
                continue;
            foreach (var agent in (string[])["demo/clerk", "demo/idle"])
            {
                var visible = snapshot.Open(Calls.Agent(agent)).VisibleTools(Tried.Select(c => c.Resource).ToList());
                foreach (var call in Tried)
                {
                    var verdict = snapshot.Open(Calls.Agent(agent)).Decide(call).Verdict;
                    hidden += visible.Contains(call.Resource) ? 0 : 1;
                    allowed += verdict == Verdict.Allow ? 1 : 0;
                    Assert.True(
                        verdict == Verdict.Deny || visible.Contains(call.Resource),
                        $"seed {seed}: '{call.Resource}' is hidden from {agent} and allowed");
                }
            }
        }

        Assert.True(
            hidden > 200 && allowed > 200, $"{hidden} hidden and {allowed} allowed are too few to tell anything");
    }

    private static BundleSnapshot? Snapshot(Random random)
    {
        var text = "";
        for (var count = random.Next(1, 5); count > 0; count--)
        {
            var effect = random.Next(3) == 0 ? "forbid" : "permit";
            text += $"{effect} ({Pick(Principals)}, {Pick(Actions)}, resource){Pick(Conditions)};\n";
        }

        var files = Sample.Bundle(("policies/mine.cedar", text));

        // Some combinations do not validate, such as a condition that no request can meet: nobody could apply them.
        return BundleCompiler.Compile(files, new(), new()) is { } bundle ? new(bundle, new()) : null;

        string Pick(string[] from) => from[random.Next(from.Length)];
    }
}
