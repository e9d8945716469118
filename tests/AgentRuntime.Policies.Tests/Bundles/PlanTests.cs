using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

public sealed class PlanTests
{
    [Fact]
    public void A_bundle_compared_with_itself_changes_nothing()
    {
        var plan = BundlePlanner.Compare(Sample.Bundle(), Sample.Bundle(("README.md", "words")));

        Assert.Empty(plan.Changes);
        Assert.Empty(plan.Decisions);
        Assert.NotEqual(plan.Before, plan.After);
    }

    [Fact]
    public void A_raised_limit_is_found_with_a_call_that_proves_it()
    {
        var plan = Compare("max: {amount_cents: 5000}", "max: {amount_cents: 6000}");

        Assert.Equal(
            new("agent demo/clerk", "grant shop/refund", "amount_cents at most 5000", "amount_cents at most 6000"),
            Assert.Single(plan.Changes));
        var change = Assert.Single(plan.Decisions);
        Assert.Equal(
            ("demo/clerk", "shop/refund", Verdict.Deny, Verdict.Allow, true),
            (change.Caller, change.Resource, change.Before, change.After, change.IsWider));
        Assert.Matches("amount_cents\"?: (5001|5999|6000)", change.Example);
        Assert.Equal(["demo/clerk"], plan.Affected);
    }

    [Fact]
    public void Service_classes_egress_and_threat_rules_are_among_what_changes()
    {
        var plan = BundlePlanner.Compare(
            Sample.Bundle(),
            Sample.Bundle(
                ("bundle.yaml", Sample.Main + """

                    slo_classes: {chat: {priority: 0, ttft: 1s}}
                    client_slo: chat
                    egress: [127.0.0.1, files.example]
                    threats: {probing: {when: {denials: 5, tools: [shop/refund]}, then: throttle, pace: 5s}}
                    """),
                ("agents.yaml", Sample.Agents.Replace(
                    "demo/idle:", "demo/idle:\n    slo: batch\n    egress: []", StringComparison.Ordinal))));

        Assert.Equal(
            [
                "agent demo/idle egress: the tenant's -> nothing",
                "agent demo/idle slo: the platform's own -> batch",
                "service class chat objective: none -> priority 0, first token in 1s, each in 100ms, "
                    + "refused after 1m, 99% in time",
                "tenant client_slo: the platform's own -> chat",
                "tenant egress: not closed -> 127.0.0.1, files.example",
                "threat rule probing rule: none -> 5 denials within 1m of one run: throttle for 15m, "
                    + "one call in 5s, calling shop/refund",
            ],
            plan.Changes.Select(c => $"{c.Subject} {c.What}: {c.Before ?? "none"} -> {c.After}"));
        Assert.Empty(plan.Decisions);
    }

    [Fact]
    public void What_changes_in_both_directions_has_an_example_of_each()
    {
        var plan = Compare("max: {amount_cents: 5000}", "min: {amount_cents: 5000}");

        Assert.Equal([false, true], plan.Decisions.Select(d => d.IsWider).Order());
    }

    [Fact]
    public void A_rewording_that_decides_the_same_is_a_change_for_nobody()
    {
        var plan = Compare("max: {amount_cents: 5000}", "when: context.input.amount_cents < 5001");

        Assert.Single(plan.Changes);
        Assert.Empty(plan.Decisions);
    }

    [Fact]
    public void A_first_bundle_is_new_for_everybody()
    {
        var plan = BundlePlanner.Compare(null, Sample.Bundle());

        Assert.Null(plan.Before);
        Assert.All(plan.Changes, c => Assert.Null(c.Before));
        Assert.All(plan.Decisions, d => Assert.True(d.IsWider));
        Assert.Equal(
            ["any-other-project", "demo/clerk", "demo/idle", "web"], plan.Affected.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_agent_that_goes_loses_what_it_had()
    {
        var plan = Compare("  demo/idle:\n    model: small", "");

        var change = Assert.Single(plan.Decisions);
        Assert.Equal(
            ("demo/idle", PolicyAction.UseModel, "small", Verdict.Deny),
            (change.Caller, change.Action, change.Resource, change.After));
        Assert.All(plan.Changes, c => Assert.Equal(("agent demo/idle", null), (c.Subject, c.After)));
    }

    [Theory]
    [InlineData("max: {amount_cents: 5000}", "approval: true", "RequireApproval")]
    [InlineData("max: {amount_cents: 5000}", "max: {amount_cents: 5000}\n        history: {at_most: 1}", "Deny")]
    public void Approval_and_history_make_a_difference_too(string from, string to, string after)
    {
        Assert.Contains(Compare(from, to).Decisions, d => $"{d.After}" == after && d.Before == Verdict.Allow);
    }

    [Fact]
    public void Less_approval_is_wider()
    {
        var with = Sample.Bundle((
            "agents.yaml",
            Sample.Agents.Replace("max: {amount_cents: 5000}", "approval: true", StringComparison.Ordinal)));
        var without = Sample.Bundle((
            "agents.yaml",
            Sample.Agents.Replace("max: {amount_cents: 5000}", "approval: false", StringComparison.Ordinal)));

        Assert.True(Assert.Single(BundlePlanner.Compare(with, without).Decisions).IsWider);
        Assert.False(Assert.Single(BundlePlanner.Compare(without, with).Decisions).IsWider);
    }

    [Fact]
    public void A_forbid_on_untrusted_input_is_found_by_assuming_some()
    {
        var plan = BundlePlanner.Compare(Sample.Bundle(), Sample.Bundle(("policies/mine.cedar", """
            @id("careful") forbid (principal, action in AgentRuntime::Action::"may_write", resource)
            when { context.history.integrity == "untrusted" && context.input has urgent && context.input.urgent };
            """)));

        var change = Assert.Single(plan.Decisions);
        Assert.Equal(("shop/refund", Verdict.Deny), (change.Resource, change.After));
        Assert.Contains("untrusted input", change.Example, StringComparison.Ordinal);
        Assert.Equal("policy careful", Assert.Single(plan.Changes).Subject);
    }

    [Fact]
    public void A_pinned_schema_that_changes_is_shown()
    {
        var shop = Sample.Shop.Replace(
            "\"description\": \"Erases.\"", "\"description\": \"Erases all.\"", StringComparison.Ordinal);

        var plan = BundlePlanner.Compare(Sample.Bundle(), Sample.Bundle(("tools/shop.json", shop)));

        Assert.Equal(new("tool shop/erase", "description", "Erases.", "Erases all."), Assert.Single(plan.Changes));
    }

    private static BundleComparison Compare(string from, string to)
    {
        Assert.Contains(from, Sample.Agents, StringComparison.Ordinal);
        return BundlePlanner.Compare(
            Sample.Bundle(), Sample.Bundle(("agents.yaml", Sample.Agents.Replace(from, to, StringComparison.Ordinal))));
    }
}
