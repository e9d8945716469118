using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

public sealed class ObligationTests
{
    private static readonly PolicyOptions Honouring = new() { HonoursObligations = true };

    [Fact]
    public void An_amount_is_capped_and_a_text_redacted_in_what_is_sent()
    {
        var run = Open("obligations: {cap: {amount_cents: 100}, redact: [order]}");

        var decision = run.Decide(Calls.Tool("shop/refund", """{"order": "A", "amount_cents": 500, "extra": [1]}"""));

        Assert.Equal(Verdict.Allow, decision.Verdict);
        Assert.Equal([new Obligation.Cap("amount_cents", 100), new Obligation.Redact("order")], decision.Obligations);
        Assert.Equal(
            """{"order":"[redacted]","amount_cents":100,"extra":[1]}""", decision.Arguments!.Value.GetRawText());
    }

    [Fact]
    public void What_is_within_its_cap_is_sent_as_it_was_asked()
    {
        var decision = Open("obligations: {cap: {amount_cents: 100}}")
            .Decide(Calls.Tool("shop/refund", """{"order": "A", "amount_cents": 100}"""));

        Assert.Empty(decision.Obligations);
        Assert.Null(decision.Arguments);
    }

    [Fact]
    public void History_counts_what_was_sent()
    {
        var run = Open("history: {total: {amount_cents: 700}}\n        obligations: {cap: {amount_cents: 100}}");

        Assert.Equal(Verdict.Allow, run.Decide(Refund(700)).Verdict);
        Assert.Equal(Verdict.Allow, run.Decide(Refund(600)).Verdict);
        Assert.Equal(Verdict.Allow, run.Decide(Refund(500)).Verdict);
        Assert.Equal(Verdict.Deny, run.Decide(Refund(500)).Verdict);
    }

    [Fact]
    public void A_label_stays_with_the_run()
    {
        var run = Open(
            "obligations: {label: {trusted: false, confidentiality: user}}",
            """
            permit (principal, action == AgentRuntime::Action::"shop/erase", resource)
            when { context.history.integrity == "untrusted" && context.history.confidentiality == "user" };
            """);
        Assert.Equal(Verdict.Deny, run.Decide(Calls.Tool("shop/erase")).Verdict);

        var decision = run.Decide(Refund(1));

        Assert.Equal([new Obligation.AddLabel("untrusted"), new Obligation.AddLabel("user")], decision.Obligations);
        Assert.Equal(Verdict.Allow, run.Decide(Calls.Tool("shop/erase")).Verdict);
    }

    [Fact]
    public void A_permit_that_asks_for_nothing_frees_the_call()
    {
        var run = Open(
            "obligations: {cap: {amount_cents: 100}}",
            """
            permit (principal, action == AgentRuntime::Action::"shop/refund", resource)
            when { context.input.amount_cents < 300 };
            """);

        Assert.Null(run.Decide(Refund(200)).Arguments);
        Assert.NotNull(run.Decide(Refund(400)).Arguments);
    }

    [Fact]
    public void A_permit_frees_no_call_whose_approval_was_not_given_for_it()
    {
        var run = Open(
            "approval: {within: 1h, same: [order]}\n        obligations: {cap: {amount_cents: 5000}}\n"
                + "      - tool: shop/refund\n        approval: true");
        run.Approve(Refund(100), Calls.Noon);

        var other = run.Decide(Refund(1_000_000));
        run.Approve(Refund(1_000_000), Calls.Noon);
        var approved = run.Decide(Refund(1_000_000));

        Assert.Equal((Verdict.Allow, Verdict.Allow), (other.Verdict, approved.Verdict));
        Assert.Equal([new Obligation.Cap("amount_cents", 5000)], other.Obligations);
        Assert.Empty(approved.Obligations);
        Assert.Equal(Verdict.RequireApproval, run.Decide(Refund(1_000_000)).Verdict);
    }

    [Theory]
    [InlineData("""{"order": "secret", "amount_cents": 1, "extra": ["\ud800"]}""", Verdict.Allow)]
    [InlineData("""{"order": "secret", "\ud800": 1}""", Verdict.Deny)]
    public void An_escape_that_stands_for_no_text_hinders_no_decision_and_no_redaction(
        string arguments, Verdict expected)
    {
        var decision = Open("obligations: {redact: [order]}").Decide(Calls.Tool("shop/refund", arguments));

        Assert.Equal(expected, decision.Verdict);
        var recorded = decision.RecordedArguments!.Value.GetRawText();
        Assert.StartsWith("""{"order":"[redacted]",""", recorded, StringComparison.Ordinal);
        Assert.Contains("\\ud800", recorded, StringComparison.Ordinal);
    }

    [Fact]
    public void A_platform_that_does_not_honour_obligations_refuses_them()
    {
        var problems = Sample.Problems(Bundle("obligations: {cap: {amount_cents: 100}}", null));

        Assert.Contains("does not honour obligations", Assert.Single(problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("obligations: {cap: {rate: 1.5}}", "'rate' cannot be capped")]
    [InlineData("obligations: {cap: {order: 5}}", "does not go with 'order'")]
    [InlineData("obligations: {redact: [amount_cents]}", "'amount_cents' is no text")]
    [InlineData("obligations: {redact: [oder]}", "did you mean 'order'?")]
    [InlineData("obligations: {label: {confidentiality: secret}}", "'secret' is no confidentiality")]
    [InlineData("obligations: {redakt: [order]}", "did you mean 'redact'?")]
    public void A_mistake_in_an_obligation_is_named(string grant, string expected)
    {
        Assert.Contains(
            Sample.Problems(Bundle(grant, null), Honouring), p => p.Contains(expected, StringComparison.Ordinal));
    }

    private static PolicyCall Refund(int cents) =>
        Calls.Tool("shop/refund", $$"""{"order": "A", "amount_cents": {{cents}}}""");

    private static Dictionary<string, string> Bundle(string grant, string? policies) =>
        Sample.Bundle(
            ("agents.yaml", Sample.Agents
                .Replace("max: {amount_cents: 5000}", grant, StringComparison.Ordinal)
                .Replace(
                    "max_output_tokens: 64",
                    "max_output_tokens: 64\n    input: {trusted: true}",
                    StringComparison.Ordinal)),
            ("policies/mine.cedar", policies));

    private static IRunPolicy Open(string grant, string? policies = null)
    {
        var problems = new Problems();
        var bundle = BundleCompiler.Compile(Bundle(grant, policies), Honouring, problems);
        Assert.Empty(problems.ToList());
        return new BundleSnapshot(bundle!, Honouring).Open(Calls.Agent("demo/clerk"));
    }
}
