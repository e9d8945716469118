using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

public sealed class DecisionTests
{
    private const string Refund = """{"order": "A", "amount_cents": 5000}""";

    [Fact]
    public void A_granted_call_is_allowed_and_names_its_grant_and_bundle()
    {
        var bundle = Sample.Bundle();

        var decision = Calls.Decide(bundle, "demo/clerk", Calls.Tool("shop/lookup", """{"order": "A"}"""));

        Assert.Equal(Verdict.Allow, decision.Verdict);
        Assert.Null(decision.Reason);
        Assert.Equal(BundleFiles.Digest(bundle), decision.Bundle);
        Assert.Equal(["grant:demo/clerk:shop/lookup"], decision.DeterminingPolicies);
    }

    [Theory]
    [InlineData(
        "demo/clerk", "shop/erase", "{}", "AR2002", "the agent 'demo/clerk' is not granted the tool 'shop/erase'")]
    [InlineData(
        "demo/idle",
        "shop/lookup",
        """{"order": "A"}""",
        "AR2002",
        "'demo/idle' is not granted the tool 'shop/lookup'")]
    [InlineData("demo/clerk", "shop/erase_all", "{}", "AR2008", "no tool server of the bundle offers 'shop/erase_all'")]
    [InlineData("demo/nobody", "shop/lookup", """{"order": "A"}""", "AR2006", "does not name the agent 'demo/nobody'")]
    [InlineData(
        "demo/clerk", "files/read", """{"path": "/secret"}""", "AR2002", "path like '/public/*', and path is another")]
    [InlineData("demo/clerk", "files/read", "{}", "AR2002", "and path is absent")]
    public void What_is_not_granted_is_refused(string agent, string tool, string arguments, string code, string message)
    {
        var decision = Calls.Decide(Sample.Bundle(), agent, Calls.Tool(tool, arguments));

        Assert.Equal(Verdict.Deny, decision.Verdict);
        Assert.Equal(code, decision.Reason!.Code.ToString());
        Assert.Contains(message, decision.Reason.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_tells_the_limit_the_value_and_the_authors_reason()
    {
        var decision = Calls.Decide(
            Sample.Bundle(), "demo/clerk", Calls.Tool("shop/refund", """{"order": "A", "amount_cents": 5001}"""));

        Assert.Equal(
            "AR2002: the agent 'demo/clerk' may call 'shop/refund' only with amount_cents at most 5000, "
                + "and amount_cents is 5001: ask the desk [agents.yaml:10:9]",
            decision.Reason!.ToString());
        Assert.Equal(
            Verdict.Allow, Calls.Decide(Sample.Bundle(), "demo/clerk", Calls.Tool("shop/refund", Refund)).Verdict);
    }

    [Theory]
    [InlineData("""{"order": "A"}""", "'amount_cents' is missing")]
    [InlineData("""{"order": "A", "amount_cents": "1"}""", "'amount_cents' must be an integer")]
    [InlineData("""{"order": "A", "amount_cents": 1.5}""", "'amount_cents' must be an integer")]
    [InlineData("""{"order": "A", "amount_cents": 9223372036854775808}""", "'amount_cents' must be an integer")]
    [InlineData("""{"order": "A", "amount_cents": null}""", "'amount_cents' must be an integer")]
    [InlineData("""{"order": "A", "amount_cents": 1, "amount_cents": 999999}""", "'amount_cents' is given twice")]
    [InlineData("""{"order": "A", "amount_cents": 1, "\u0061mount_cents": 999999}""", "'amount_cents' is given twice")]
    [InlineData("""{"order": "A", "amount_cents": 1, "note": "x"}""", "'note' is not in the tool's schema")]
    [InlineData(
        """{"order": "A", "amount_cents": 1, "rate": 0.12345}""", "'rate' must be a number with at most four decimals")]
    [InlineData(
        """{"order": "A", "amount_cents": 1, "rate": 1.00000000000000000000000000000000001}""", "'rate' must be")]
    [InlineData("""{"order": "A", "amount_cents": 1, "to": {}}""", "'to.iban' is missing")]
    [InlineData(
        """{"order": "A", "amount_cents": 1, "to": {"iban": "D", "x": 1}}""", "'to.x' is not in the tool's schema")]
    [InlineData("""{"order": "A", "amount_cents": 1, "tags": [1]}""", "'tags[]' must be a string")]
    [InlineData("""{"order": "\ud800", "amount_cents": 1}""", "'order' is not valid text")]
    [InlineData("[]", "the arguments are not an object")]
    public void Arguments_that_do_not_fit_the_pinned_schema_are_refused_before_any_rule(
        string arguments, string problem)
    {
        var decision = Calls.Decide(Sample.Bundle(), "demo/clerk", Calls.Tool("shop/refund", arguments));

        Assert.Equal(Verdict.Deny, decision.Verdict);
        Assert.Equal(ReasonCodes.InvalidArguments, decision.Reason!.Code);
        Assert.Contains(problem, decision.Reason.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_open_object_may_hold_more_but_nothing_that_looks_like_what_is_checked()
    {
        var bundle = Sample.Bundle();

        var more = Calls.Decide(bundle, "demo/clerk", Calls.Tool("files/read", """{"path": "/public/a", "mode": 1}"""));
        var alike = Calls.Decide(
            bundle, "demo/clerk", Calls.Tool("files/read", """{"path": "/public/a", "Path": "/etc"}"""));

        Assert.Equal(Verdict.Allow, more.Verdict);
        Assert.Equal(ReasonCodes.InvalidArguments, alike.Reason!.Code);
    }

    [Theory]
    [InlineData("kind_is", "KIND_IS")]
    [InlineData("kind_is", "\u212aind_is")]
    [InlineData("kind_is", "kind_i\u017f")]
    [InlineData("kind_is", "k\u0131nd_is")]
    [InlineData("kind_is", "k\u0130nd_is")]
    [InlineData("größe", "GRÖSSE", false)]
    [InlineData("größe", "GRÖẞE")]
    [InlineData("σας", "ΣΑΣ")]
    [InlineData("kind_is", "kind-is", false)]
    public void An_open_object_holds_no_name_that_some_reader_takes_for_one_that_is_checked(
        string listed, string given, bool isRefused = true)
    {
        var bundle = Sample.Bundle(("tools/files.json", Sample.Files.Replace(
            "\"path\": {\"type\": \"string\"}",
            $"\"path\": {{\"type\": \"string\"}}, \"{listed}\": {{\"type\": \"integer\"}}",
            StringComparison.Ordinal)));

        var decision = Calls.Decide(
            bundle, "demo/clerk", Calls.Tool("files/read", $$"""{"path": "/public/a", "{{given}}": 9}"""));

        Assert.Equal(isRefused ? ReasonCodes.InvalidArguments : null, decision.Reason?.Code);
    }

    [Theory]
    [InlineData("max: {rate: 1.5}", """, "rate": 1.5""", true)]
    [InlineData("max: {rate: 1.5}", """, "rate": 1.5001""", false)]
    [InlineData("max: {rate: 1.5}", "", false)]
    [InlineData("min: {amount_cents: 5000}", "", true)]
    [InlineData("min: {amount_cents: 5001}", "", false)]
    [InlineData("one_of: {order: [B, A]}", "", true)]
    [InlineData("one_of: {order: [B]}", "", false)]
    [InlineData("one_of: {amount_cents: [4000, 5_000]}", "", true)]
    [InlineData("like: {to.iban: \"DE*\"}", """, "to": {"iban": "DE1"}""", true)]
    [InlineData("like: {to.iban: \"DE*\"}", """, "to": {"iban": "FR1"}""", false)]
    [InlineData("like: {to.iban: \"DE*\"}", "", false)]
    [InlineData("when: context.input has urgent && context.input.urgent", """, "urgent": true""", true)]
    [InlineData("when: context.input has urgent && context.input.urgent", "", false)]
    [InlineData("when: context.now < datetime(\"2026-01-02\") // a comment", "", true)]
    public void Each_condition_decides(string condition, string more, bool allowed)
    {
        var bundle = Sample.Bundle(
            ("agents.yaml", Sample.Agents.Replace("max: {amount_cents: 5000}", condition, StringComparison.Ordinal)));
        var arguments = $$"""{"order": "A", "amount_cents": 5000{{more}}}""";

        var decision = Calls.Decide(bundle, "demo/clerk", Calls.Tool("shop/refund", arguments));

        Assert.Equal(allowed ? Verdict.Allow : Verdict.Deny, decision.Verdict);
        Assert.Equal(allowed ? null : ReasonCodes.DefaultDeny, decision.Reason?.Code);
    }

    [Fact]
    public void A_forbid_wins_and_its_reason_reaches_the_caller()
    {
        var bundle = Sample.Bundle(("policies/mine.cedar", """
            @id("no-refunds-for-A") @reason("A is under review")
            forbid (principal in AgentRuntime::Project::"demo", action in AgentRuntime::Action::"shop", resource)
            when { context.input has order && context.input.order == "A" };
            """));

        var decision = Calls.Decide(bundle, "demo/clerk", Calls.Tool("shop/refund", Refund));

        Assert.Equal(Verdict.Deny, decision.Verdict);
        Assert.Equal("AR2003: A is under review [policies/mine.cedar:1:1]", decision.Reason!.ToString());
        Assert.Equal(["no-refunds-for-A"], decision.DeterminingPolicies);
    }

    [Fact]
    public void A_forbid_that_fails_to_evaluate_refuses_the_call()
    {
        var bundle = Sample.Bundle(("policies/mine.cedar", """
            @id("overflowing")
            forbid (principal, action == AgentRuntime::Action::"shop/refund", resource)
            when { context.input.amount_cents * 9223372036854775807 > 5 };
            """));

        var decision = Calls.Decide(bundle, "demo/clerk", Calls.Tool("shop/refund", Refund));

        Assert.Equal(Verdict.Deny, decision.Verdict);
        Assert.Equal(ReasonCodes.RuleError, decision.Reason!.Code);
        Assert.Contains("'overflowing'", decision.Reason.Message, StringComparison.Ordinal);
        Assert.Single(decision.Errors);
    }

    [Fact]
    public void A_grant_with_approval_asks_a_person_unless_another_grant_lets_the_call_through()
    {
        var bundle = Sample.Bundle(("agents.yaml", Sample.Agents.Replace(
            "reason: ask the desk",
            "reason: ask the desk\n      - {tool: shop/refund, max: {amount_cents: 50000}, approval: true}",
            StringComparison.Ordinal)));

        var small = Calls.Decide(bundle, "demo/clerk", Calls.Tool("shop/refund", Refund));
        var large = Calls.Decide(
            bundle, "demo/clerk", Calls.Tool("shop/refund", """{"order": "A", "amount_cents": 5001}"""));
        var huge = Calls.Decide(
            bundle, "demo/clerk", Calls.Tool("shop/refund", """{"order": "A", "amount_cents": 50001}"""));

        Assert.Equal(Verdict.Allow, small.Verdict);
        Assert.Equal(Verdict.RequireApproval, large.Verdict);
        Assert.Equal(ReasonCodes.ApprovalRequired, large.Reason!.Code);
        Assert.Equal(["grant:demo/clerk:shop/refund#2"], large.DeterminingPolicies);
        Assert.Equal(Verdict.Deny, huge.Verdict);
        Assert.Contains(
            "at most 5000, or with amount_cents at most 50000", huge.Reason!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Models_are_for_those_whom_the_bundle_names()
    {
        var snapshot = Sample.Snapshot(Sample.Bundle());

        Assert.Equal(Verdict.Allow, snapshot.Open(Calls.Agent("demo/clerk")).Decide(Calls.Model("large")).Verdict);
        Assert.Equal(Verdict.Deny, snapshot.Open(Calls.Agent("demo/idle")).Decide(Calls.Model("large")).Verdict);
        Assert.Equal(Verdict.Allow, snapshot.Open(Calls.Client("anybody")).Decide(Calls.Model("small")).Verdict);
        Assert.Equal(Verdict.Allow, snapshot.Open(Calls.Client("web")).Decide(Calls.Model("large")).Verdict);
        var refused = snapshot.Open(Calls.Client("anybody")).Decide(Calls.Model("large"));
        Assert.Equal(
            "AR2009: the bundle does not grant the model 'large' to clients of the project 'anybody'",
            refused.Reason!.ToString());
        Assert.Equal(
            ReasonCodes.ModelNotGranted, snapshot.Open(Calls.Client("web")).Decide(Calls.Model("huge")).Reason!.Code);
    }

    [Fact]
    public void A_client_calls_no_tools_and_an_unknown_kind_of_action_is_refused()
    {
        var client = Sample.Snapshot(Sample.Bundle()).Open(Calls.Client("demo"));

        Assert.Equal(Verdict.Deny, client.Decide(Calls.Tool("shop/lookup", """{"order": "A"}""")).Verdict);
        Assert.Equal(Verdict.Deny, client.Decide(Calls.Tool("small") with { Action = default }).Verdict);
        Assert.Empty(client.VisibleTools(["shop/lookup"]));
    }

    [Fact]
    public void An_agent_sees_the_tools_that_it_could_call_and_no_others()
    {
        string[] offered = ["shop/erase", "shop/refund", "shop/lookup", "files/read", "mail/send"];
        var snapshot = Sample.Snapshot(Sample.Bundle());

        Assert.Equal(
            ["shop/refund", "shop/lookup", "files/read"],
            snapshot.Open(Calls.Agent("demo/clerk")).VisibleTools(offered));
        Assert.Empty(snapshot.Open(Calls.Agent("demo/idle")).VisibleTools(offered));
        Assert.Empty(snapshot.Open(Calls.Agent("demo/nobody")).VisibleTools(offered));
    }

    [Fact]
    public void A_hand_written_permit_shows_a_tool_too()
    {
        var snapshot = Sample.Snapshot(Sample.Bundle(("policies/mine.cedar", """
            permit (
              principal in AgentRuntime::Project::"demo",
              action in AgentRuntime::Action::"files",
              resource is AgentRuntime::ToolServer
            );
            """)));

        Assert.Equal(
            ["files/read"], snapshot.Open(Calls.Agent("demo/idle")).VisibleTools(["shop/lookup", "files/read"]));
    }

    [Fact]
    public void An_agents_limits_and_budget_are_what_the_bundle_says()
    {
        var policy = Sample.Snapshot(Sample.Bundle()).FindAgent("demo/clerk")!;

        Assert.Equal(ByteCount.FromMebibytes(32), policy.Limits.MaxMemory);
        Assert.Equal(TimeSpan.FromMilliseconds(250), policy.Limits.MaxCpuTime);
        Assert.Equal(
            (100, 50, 1024L),
            (policy.Limits.MaxCallDepth, policy.Limits.MaxHostCalls, policy.Limits.MaxLogBytes.Value));
        Assert.Equal((5000L, 250_000L), (policy.Budget.MaxTokens.Value, policy.Budget.MaxCost.Value));
        Assert.Equal(TimeSpan.FromMinutes(2), policy.Budget.Deadline);
        Assert.Equal(("small", 64), (policy.DefaultModel, policy.DefaultMaxOutputTokens));
        Assert.Null(Sample.Snapshot(Sample.Bundle()).FindAgent("demo/nobody"));
    }
}
