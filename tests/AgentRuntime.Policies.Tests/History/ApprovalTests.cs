using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

public sealed class ApprovalTests
{
    private const string A = """{"order": "A", "amount_cents": 9000, "extra": "x"}""";

    [Fact]
    public void An_approved_call_is_allowed_once()
    {
        var run = Open("approval: true");
        Assert.Equal(Verdict.RequireApproval, Decide(run, A).Verdict);

        run.Approve(Refund(A), Calls.Noon);

        Assert.Equal(Verdict.Allow, Decide(run, A).Verdict);
        Assert.Equal(Verdict.RequireApproval, Decide(run, A).Verdict);
    }

    [Theory]
    [InlineData("""{"amount_cents": 9000, "extra": "x", "order": "A"}""", 0, Verdict.Allow)]
    [InlineData("""{"order": "\u0041", "amount_cents": 9000, "extra": "x"}""", 15, Verdict.Allow)]
    [InlineData("""{"order": "A", "amount_cents": 9000, "extra": "x"}""", 16, Verdict.RequireApproval)]
    [InlineData("""{"order": "A", "amount_cents": 9000, "extra": "x"}""", -1, Verdict.RequireApproval)]
    [InlineData("""{"order": "A", "amount_cents": 9001, "extra": "x"}""", 0, Verdict.RequireApproval)]
    [InlineData("""{"order": "A", "amount_cents": 9000, "extra": "y"}""", 0, Verdict.RequireApproval)]
    [InlineData("""{"order": "A", "amount_cents": 9000}""", 0, Verdict.RequireApproval)]
    public void An_approval_covers_the_very_same_arguments_for_a_while(string arguments, int minutes, Verdict expected)
    {
        var run = Open("approval: true");
        run.Approve(Refund(A), Calls.Noon);

        Assert.Equal(expected, Decide(run, arguments, minutes).Verdict);
    }

    [Theory]
    [InlineData("""{"order": "A", "amount_cents": 1}""", 4, Verdict.Allow)]
    [InlineData("""{"order": "A", "amount_cents": 1}""", 6, Verdict.RequireApproval)]
    [InlineData("""{"order": "B", "amount_cents": 9000}""", 4, Verdict.RequireApproval)]
    public void A_bundle_may_say_what_counts_as_the_same_and_for_how_long(
        string arguments, int minutes, Verdict expected)
    {
        var run = Open("approval: {within: 5m, same: [order]}");
        run.Approve(Refund(A), Calls.Noon);

        Assert.Equal(expected, Decide(run, arguments, minutes).Verdict);
    }

    [Fact]
    public void An_approval_comes_back_when_its_call_was_never_sent()
    {
        var run = Open("approval: true");
        run.Approve(Refund(A), Calls.Noon);
        var call = Refund(A);

        Assert.Equal(Verdict.Allow, run.Decide(call).Verdict);
        run.Settle(call, CallOutcome.NotSent);

        Assert.Equal(Verdict.Allow, Decide(run, A).Verdict);
    }

    [Fact]
    public void What_is_forbidden_unless_approved_is_put_before_a_person_and_then_made_once()
    {
        var run = Open("approval: true", "forbid (principal, action, resource) unless { context.history.approved };");
        run.Approve(Calls.Tool("shop/lookup", """{"order": "A"}"""), Calls.Noon);
        var asked = Decide(run, A);
        Assert.Equal((Verdict.RequireApproval, ReasonCodes.ApprovalRequired), (asked.Verdict, asked.Reason!.Code));
        Assert.Equal(["policies/mine.cedar#0"], asked.DeterminingPolicies);

        run.Approve(Refund(A), Calls.Noon);

        Assert.Equal(Verdict.Allow, Decide(run, A).Verdict);
        Assert.Equal(Verdict.RequireApproval, Decide(run, A).Verdict);
    }

    [Fact]
    public void An_approval_is_spent_also_where_only_a_forbid_asked_for_it()
    {
        var run = Open(
            "max: {amount_cents: 9000}",
            "@reason(\"ask first\") forbid (principal, action, resource) unless { context.history.approved };");
        Assert.Equal("ask first", Decide(run, A).Reason!.Message);
        Assert.Equal(Verdict.Deny, Decide(run, """{"order": "A", "amount_cents": 9001}""").Verdict);

        run.Approve(Refund(A), Calls.Noon);

        Assert.Equal(Verdict.Allow, Decide(run, A).Verdict);
        Assert.Equal(Verdict.RequireApproval, Decide(run, A).Verdict);
    }

    private const string OnlyApproved =
        "forbid (principal, action, resource) unless { context.history.approved };";

    [Fact]
    public void What_a_forbid_makes_an_exception_of_is_spent_before_what_only_counts_as_the_same()
    {
        const string Small = """{"order": "A", "amount_cents": 1}""";
        var run = Open("approval: {within: 1h, same: [order]}", OnlyApproved);
        run.Approve(Refund(A), Calls.Noon);
        run.Approve(Refund(Small), Calls.Noon);

        Assert.Equal(Verdict.Allow, Decide(run, Small).Verdict);
        Assert.Equal(Verdict.RequireApproval, Decide(run, Small).Verdict);
        Assert.Equal(Verdict.Allow, Decide(run, A).Verdict);
        Assert.Equal(Verdict.RequireApproval, Decide(run, A).Verdict);
    }

    [Fact]
    public void A_call_whose_own_approval_is_too_old_for_its_permit_spends_it_beside_the_other()
    {
        const string Small = """{"order": "A", "amount_cents": 1}""";
        var run = Open("approval: {within: 5m, same: [order]}", OnlyApproved);
        run.Approve(Refund(Small), Calls.Noon);
        run.Approve(Refund(A), Calls.Noon.AddMinutes(9));
        var call = Refund(Small, 10);

        Assert.Equal(Verdict.Allow, run.Decide(call).Verdict);
        run.Settle(call, CallOutcome.NotSent);
        Assert.Equal(Verdict.Allow, Decide(run, Small, 10).Verdict);

        run.Approve(Refund(A), Calls.Noon.AddMinutes(10));
        Assert.Equal(Verdict.RequireApproval, Decide(run, Small, 10).Verdict);
    }

    [Fact]
    public void An_approval_never_beats_a_forbid_that_makes_no_exception()
    {
        var run = Open(
            "approval: true",
            """
            forbid (principal, action == AgentRuntime::Action::"shop/refund", resource)
            when { context.input.order == "A" };
            """);
        run.Approve(Refund(A), Calls.Noon);

        Assert.Equal(ReasonCodes.ForbiddenByRule, Decide(run, A).Reason!.Code);
    }

    [Fact]
    public void A_text_that_is_none_is_approved_as_it_is_written()
    {
        var run = Open("approval: true");
        const string Odd = """{"order": "A", "amount_cents": 1, "extra": ["\ud800"]}""";
        run.Approve(Refund(Odd.Replace("\\\\", "\\", StringComparison.Ordinal)), Calls.Noon);

        Assert.Equal(Verdict.RequireApproval, Decide(run, A).Verdict);
        Assert.Equal(Verdict.Allow, Decide(run, Odd.Replace("\\\\", "\\", StringComparison.Ordinal)).Verdict);
    }

    [Fact]
    public void A_mistake_in_what_is_the_same_is_named()
    {
        Assert.Contains(
            Sample.Problems(Bundle("approval: {same: [oder]}", null)),
            p => p.Contains("did you mean 'order'?", StringComparison.Ordinal));
    }

    private static Decision Decide(IRunPolicy run, string arguments, int minutes = 0) =>
        run.Decide(Refund(arguments, minutes));

    private static PolicyCall Refund(string arguments, int minutes = 0) =>
        Calls.Tool("shop/refund", arguments, Calls.Noon.AddMinutes(minutes));

    private static Dictionary<string, string> Bundle(string grant, string? policies) =>
        Sample.Bundle(
            ("agents.yaml", Sample.Agents.Replace("max: {amount_cents: 5000}", grant, StringComparison.Ordinal)),
            ("policies/mine.cedar", policies));

    private static IRunPolicy Open(string grant, string? policies = null) =>
        Sample.Snapshot(Bundle(grant, policies)).Open(Calls.Agent("demo/clerk"));
}
