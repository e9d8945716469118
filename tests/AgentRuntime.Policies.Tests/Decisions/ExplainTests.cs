using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

public sealed class ExplainTests
{
    [Fact]
    public void A_refusal_tells_each_policy_that_could_have_had_a_say_and_what_would_have_to_be_true()
    {
        var bundle = Sample.Bundle(("policies/mine.cedar", """
            @id("urgent-or-small")
            permit (principal in AgentRuntime::Project::"demo", action == AgentRuntime::Action::"shop/refund", resource)
            when { context.input.amount_cents < 10000 && context.input has urgent && context.input.urgent }
            unless { context.input.order like "X*" || context.input.order == "" };
            @id("other")
            permit (principal == AgentRuntime::Agent::"demo/idle", action, resource);
            """));

        var explanation = PolicyExplainer.Explain(bundle, Ask("""{"order": "A", "amount_cents": 9000}"""));

        Assert.Equal(Verdict.Deny, explanation.Decision.Verdict);
        Assert.Collection(
            explanation.Policies,
            f =>
            {
                Assert.Equal(("grant:demo/clerk:shop/refund", "permit", "agents.yaml:10:9"), (f.Id, f.Effect, f.Where));
                Assert.Equal((PolicyTruth.DoesNotHold, false), (f.Truth, f.Decided));
                Assert.Equal("context.input.amount_cents <= 5000", Assert.Single(f.Unmet));
            },
            f =>
            {
                Assert.Equal(("urgent-or-small", "policies/mine.cedar:1:1"), (f.Id, f.Where));
                Assert.Equal("context.input has urgent", Assert.Single(f.Unmet));
            });
    }

    [Fact]
    public void What_decided_comes_first_and_a_failure_says_what_failed()
    {
        var bundle = Sample.Bundle(("policies/mine.cedar", """
            @id("not-x") forbid (principal, action == AgentRuntime::Action::"shop/refund", resource)
            when { context.input.order == "X" } unless { context.input.amount_cents == 1 };
            @id("overflows") permit (principal, action == AgentRuntime::Action::"shop/refund", resource)
            when { context.input.amount_cents * 9223372036854775807 > 1 };
            """));

        var policies = PolicyExplainer.Explain(bundle, Ask("""{"order": "X", "amount_cents": 2}""")).Policies;

        Assert.Equal(["not-x", "grant:demo/clerk:shop/refund", "overflows"], policies.Select(p => p.Id));
        Assert.True(policies[0].Decided);
        Assert.Equal(PolicyTruth.Fails, policies[2].Truth);
        Assert.Contains("fails: ", Assert.Single(policies[2].Unmet), StringComparison.Ordinal);
    }

    [Fact]
    public void The_history_condition_that_does_not_hold_is_told_in_words()
    {
        var agents = Sample.Agents.Replace(
            "max: {amount_cents: 5000}",
            "history: {at_most: 1, after: {call: shop/lookup, same: [order]}}",
            StringComparison.Ordinal);
        var question = Ask("""{"order": "A", "amount_cents": 1}""") with
        {
            History = [new(PolicyAction.CallTool, "shop/lookup", Json("""{"order": "B"}"""), Calls.Noon)],
        };

        var finding = Assert.Single(PolicyExplainer.Explain(Sample.Bundle(("agents.yaml", agents)), question).Policies);

        Assert.Equal("after 'shop/lookup' with the same order", Assert.Single(finding.Unmet));
    }

    [Fact]
    public void A_history_that_is_not_possible_is_said_to_be()
    {
        var question = Ask("""{"order": "A", "amount_cents": 1}""") with
        {
            History = [new(PolicyAction.CallTool, "shop/erase", Json("{}"), Calls.Noon)],
        };

        var explanation = PolicyExplainer.Explain(Sample.Bundle(), question);

        Assert.StartsWith(
            "event 1 of the history is not possible: AR2002", explanation.History, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("shop/erase", "{}", "AR2002")]
    [InlineData("shop/lookup", """{"order": "A"}""", "the call is allowed, so it was neither denied nor put before")]
    public void Nobody_approved_a_call_that_needed_no_person(string tool, string arguments, string why)
    {
        var question = Ask("""{"order": "A", "amount_cents": 1}""") with
        {
            History = [new(PolicyAction.CallTool, tool, Json(arguments), Calls.Noon, null, IsApproval: true)],
        };

        var explanation = PolicyExplainer.Explain(Sample.Bundle(), question);

        Assert.StartsWith(
            $"event 1 of the history is not possible: {why}", explanation.History, StringComparison.Ordinal);
    }

    [Fact]
    public void A_call_that_no_policy_ever_sees_is_explained_by_its_decision_alone()
    {
        var explanation = PolicyExplainer.Explain(Sample.Bundle(), Ask("""{"order": 1}"""));

        Assert.Empty(explanation.Policies);
        Assert.Equal(ReasonCodes.InvalidArguments, explanation.Decision.Reason!.Code);
    }

    [Fact]
    public void A_tool_that_is_forbidden_whatever_the_arguments_is_not_visible()
    {
        var bundle = Sample.Bundle(("policies/mine.cedar", """
            @overrides("grants") forbid (principal, action == AgentRuntime::Action::"shop/refund", resource);
            forbid (principal, action == AgentRuntime::Action::"shop/lookup", resource)
            when { context.input.order == "X" };
            """));

        Assert.Equal(
            ["shop/lookup"],
            Sample.Snapshot(bundle).Open(Calls.Agent("demo/clerk")).VisibleTools(["shop/refund", "shop/lookup"]));
    }

    [Theory]
    [InlineData("permit {agent} when { principal.name == \"clerk\" && context.history.calls < 1 };", true)]
    [InlineData("permit {agent} when { context.history.calls < 1 } when { principal.name == \"other\" };", false)]
    [InlineData("permit {agent} unless { principal.project == \"demo\" };", false)]
    [InlineData("permit {agent}; forbid {agent} when { principal.name like \"c*\" };", false)]
    [InlineData("permit {agent}; forbid {agent} when { context.history.calls > 0 };", true)]
    public void With_the_context_unknown_a_tool_is_visible_as_long_as_some_context_could_allow_it(
        string policies, bool visible)
    {
        var text = policies.Replace(
            "{agent}",
            "(principal is AgentRuntime::Agent, action == AgentRuntime::Action::\"shop/erase\", resource)",
            StringComparison.Ordinal);
        var run = Sample.Snapshot(Sample.Bundle(("policies/mine.cedar", text))).Open(Calls.Agent("demo/clerk"));

        Assert.Equal(visible ? 1 : 0, run.VisibleTools(["shop/erase"]).Count);
        if (!visible)
            Assert.Equal(Verdict.Deny, run.Decide(Calls.Tool("shop/erase")).Verdict);
    }

    private static PolicyQuestion Ask(string arguments) =>
        new("demo/clerk", PolicyAction.CallTool, "shop/refund", Json(arguments), Calls.Noon);

    private static JsonElement Json(string text) => Calls.Tool("x", text).Arguments;
}
