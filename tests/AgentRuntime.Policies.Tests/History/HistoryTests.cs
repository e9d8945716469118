using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

public sealed class HistoryTests
{
    [Fact]
    public void At_most_so_many_calls_are_allowed_in_a_run()
    {
        var run = Open("at_most: 2");

        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.Succeeded));
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.Failed));
        var refused = run.Decide(RefundCall(1));

        Assert.Equal(
            "AR2002: the agent 'demo/clerk' may call 'shop/refund' only on this condition: at most 2 calls in the run: "
                + "ask the desk [agents.yaml:13:20]",
            refused.Reason!.ToString());
        Assert.Equal(Verdict.Allow, Refund(Open("at_most: 2"), 1, CallOutcome.Succeeded));
    }

    [Fact]
    public void A_call_in_flight_counts_and_one_that_was_never_sent_does_not()
    {
        var run = Open("at_most: 1");
        var first = RefundCall(1);

        Assert.Equal(Verdict.Allow, run.Decide(first).Verdict);
        Assert.Equal(Verdict.Deny, Refund(run, 1, null));
        run.Settle(first, CallOutcome.NotSent);
        run.Settle(first, CallOutcome.NotSent);

        Assert.Equal(Verdict.Allow, Refund(run, 1, null));
        Assert.Equal(Verdict.Deny, Refund(run, 1, null));
    }

    [Fact]
    public void A_window_slides()
    {
        var run = Open("at_most: {calls: 2, within: 10m}");

        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.Succeeded, minutes: 0));
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.Succeeded, minutes: 5));
        Assert.Equal(Verdict.Deny, Refund(run, 1, null, minutes: 9));
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.Succeeded, minutes: 10));
        Assert.Equal(Verdict.Deny, Refund(run, 1, null, minutes: 14));
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.Succeeded, minutes: 15));
    }

    [Fact]
    public void A_running_total_stays_at_or_below_its_limit()
    {
        var run = Open("total: {amount_cents: 1000}");

        Assert.Equal(Verdict.Allow, Refund(run, 600, CallOutcome.Succeeded));
        Assert.Equal(Verdict.Deny, Refund(run, 401, null));
        Assert.Equal(Verdict.Allow, Refund(run, 400, CallOutcome.NotSent));
        Assert.Equal(Verdict.Allow, Refund(run, 400, CallOutcome.Succeeded));
        Assert.Equal(Verdict.Deny, Refund(run, 1, null));
    }

    [Theory]
    [InlineData(-1000)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public void An_amount_below_zero_or_beyond_all_bounds_makes_no_room(long amount)
    {
        var run = Open("total: {amount_cents: 1000}", max: long.MaxValue);

        Assert.Equal(Verdict.Allow, Refund(run, 1000, CallOutcome.Succeeded));
        Assert.Equal(Verdict.Deny, Refund(run, amount, null));
        Assert.Equal(Verdict.Deny, Refund(run, 1, null));
    }

    [Fact]
    public void A_total_of_a_decimal_argument_may_have_a_window()
    {
        var run = Open("total: {of: {rate: 1.5}, within: 1h}");

        Assert.Equal(Verdict.Allow, run.Decide(RefundCall(1, more: ", \"rate\": 1.4999")).Verdict);
        Assert.Equal(Verdict.Deny, run.Decide(RefundCall(1, more: ", \"rate\": 0.0002")).Verdict);
        Assert.Equal(Verdict.Deny, run.Decide(RefundCall(1)).Verdict);
        Assert.Equal(Verdict.Allow, run.Decide(RefundCall(1, more: ", \"rate\": 0.0002", minutes: 61)).Verdict);
    }

    [Fact]
    public void Something_must_have_succeeded_before_about_the_same_thing_and_not_too_long_ago()
    {
        var run = Open("after: {call: shop/lookup, same: [order], within: 10m}");
        var failed = LookupCall("A");
        run.Decide(failed);
        Assert.Equal(Verdict.Deny, Refund(run, 1, null));
        run.Settle(failed, CallOutcome.Failed);
        Assert.Equal(Verdict.Deny, Refund(run, 1, null));

        Lookup(run, "B");
        var refused = run.Decide(RefundCall(1));
        Lookup(run, "A");

        Assert.Contains(
            "only on this condition: after 'shop/lookup' with the same order within 10m",
            refused.Reason!.Message,
            StringComparison.Ordinal);
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.Succeeded));
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.Succeeded, minutes: 10));
        Assert.Equal(Verdict.Deny, Refund(run, 1, null, minutes: 11));
    }

    [Fact]
    public void What_came_before_is_remembered_within_bounds_and_forgotten_means_refused()
    {
        var run = Open("after: {call: shop/lookup, same: [order]}");
        Lookup(run, "A");
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.NotSent));

        for (var i = 0; i < SuccessMonitor.MaxRemembered; i++)
            Lookup(run, $"order {i}");

        Assert.Equal(Verdict.Deny, Refund(run, 1, null));
    }

    [Theory]
    [InlineData("never_after_failure: true", true)]
    [InlineData("never_after_failure: [shop/lookup]", true)]
    [InlineData("never_after_failure: [files/read]", false)]
    [InlineData("never_after_failure: false", false)]
    public void Nothing_more_after_a_failure(string condition, bool stops)
    {
        var run = Open(condition);
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.Succeeded));
        var lookup = LookupCall("A");
        run.Decide(lookup);
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.Succeeded));

        run.Settle(lookup, CallOutcome.Failed);

        Assert.Equal(stops ? Verdict.Deny : Verdict.Allow, Refund(run, 1, null));
    }

    [Fact]
    public void No_write_after_untrusted_input_once_it_may_have_come_in()
    {
        var run = Open("never_after_untrusted: true", input: "{trusted: true}");
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.NotSent));
        var read = Calls.Tool("files/read", """{"path": "/public/a"}""");
        run.Decide(read);
        Assert.Equal(Verdict.Deny, Refund(run, 1, null));

        run.Settle(read, CallOutcome.NotSent);
        Assert.Equal(Verdict.Allow, Refund(run, 1, CallOutcome.NotSent));

        run.Decide(read);
        run.Settle(read, CallOutcome.Failed);
        Assert.Equal(Verdict.Deny, Refund(run, 1, null));
    }

    [Fact]
    public void Input_is_untrusted_unless_the_bundle_says_otherwise()
    {
        Assert.Equal(Verdict.Deny, Refund(Open("never_after_untrusted: true"), 1, null));
    }

    [Fact]
    public void Plain_cedar_sees_the_figures_and_labels()
    {
        var run = Open("at_most: 1000", policies: """
            @id("figures")
            forbid (principal, action == AgentRuntime::Action::"shop/refund", resource)
            unless {
              context.history.calls == 1 && context.history.tool_calls == 3 && context.history.model_calls == 1 &&
              context.history.failures == 1 && context.history.integrity == "untrusted" &&
              context.history.confidentiality == "tenant" && context.history.sources.contains("files") &&
              context.history.sources.containsAll(["shop"]) &&
              context.history.holds.contains("grant:demo/clerk:shop/refund")
            };
            @id("first")
            permit (principal, action == AgentRuntime::Action::"shop/erase", resource);
            """);
        Assert.Equal(Verdict.Allow, run.Decide(Calls.Model("small")).Verdict);
        var read = Calls.Tool("files/read", """{"path": "/public/a"}""");
        run.Decide(read);
        run.Settle(read, CallOutcome.Failed);
        Lookup(run, "A");
        Assert.Equal(Verdict.Deny, Refund(run, 1, null));
        Assert.Equal(Verdict.Allow, run.Decide(Calls.Tool("shop/erase")).Verdict);
        Assert.Equal(Verdict.Deny, Refund(run, 1, null));
    }

    [Fact]
    public async Task Two_calls_at_once_cannot_both_be_the_last()
    {
        for (var round = 0; round < 20; round++)
        {
            var run = Open("at_most: 5\n          total: {amount_cents: 4}");
            using var start = new ManualResetEventSlim();

            var callers = Enumerable.Range(0, 16).Select(_ => Task.Run(() =>
            {
                start.Wait();
                return Refund(run, 1, null);
            })).ToArray();
            start.Set();

            Assert.Equal(4, (await Task.WhenAll(callers)).Count(v => v == Verdict.Allow));
        }
    }

    [Fact]
    public void Calls_in_flight_are_bounded()
    {
        var run = Open("at_most: 1");
        for (var i = 0; i < RunHistory.MaxInFlight; i++)
            Assert.Equal(Verdict.Allow, run.Decide(LookupCall("A")).Verdict);

        Assert.Contains(
            "1000 calls of the run are in flight",
            run.Decide(LookupCall("A")).Reason!.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("at_most: {within: 5m}", "'at_most' lacks 'calls'")]
    [InlineData("at_most: -1", "must be a whole number from 0")]
    [InlineData("total: {order: 5}", "does not go with 'order'")]
    [InlineData("total: {amount: 5}", "did you mean 'amount_cents'?")]
    [InlineData("after: shop/lokup", "did you mean 'shop/lookup'?")]
    [InlineData("after: {call: shop/lookup, same: [amount_cents]}", "'shop/lookup' has no argument 'amount_cents'")]
    [InlineData("after: {call: shop/lookup, within: 5}", "must be a duration")]
    [InlineData("never_after_failure: []", "names no tool")]
    [InlineData("never_after_untrusted: maybe", "must be true or false")]
    [InlineData("at_mots: 5", "did you mean 'at_most'?")]
    public void A_mistake_in_a_history_condition_is_named(string condition, string expected)
    {
        Assert.Contains(Sample.Problems(Bundle(condition)), p => p.Contains(expected, StringComparison.Ordinal));
    }

    private static Dictionary<string, string> Bundle(
        string condition, string? input = null, long max = 5000, string? policies = null)
    {
        var agents = Sample.Agents.Replace(
            "max: {amount_cents: 5000}",
            $"max: {{amount_cents: {max}}}\n        history:\n          {condition}",
            StringComparison.Ordinal);
        if (input is not null)
            agents = agents.Replace(
                "max_output_tokens: 64", $"max_output_tokens: 64\n    input: {input}", StringComparison.Ordinal);
        return Sample.Bundle(("agents.yaml", agents), ("policies/mine.cedar", policies));
    }

    private static IRunPolicy Open(string condition, string? input = null, long max = 5000, string? policies = null) =>
        Sample.Snapshot(Bundle(condition, input, max, policies)).Open(Calls.Agent("demo/clerk"));

    private static PolicyCall RefundCall(long cents, string more = "", int minutes = 0) =>
        Calls.Tool(
            "shop/refund", $$"""{"order": "A", "amount_cents": {{cents}}{{more}}}""", Calls.Noon.AddMinutes(minutes));

    private static PolicyCall LookupCall(string order) => Calls.Tool("shop/lookup", $$"""{"order": "{{order}}"}""");

    private static void Lookup(IRunPolicy run, string order)
    {
        var call = LookupCall(order);
        Assert.Equal(Verdict.Allow, run.Decide(call).Verdict);
        run.Settle(call, CallOutcome.Succeeded);
    }

    private static Verdict Refund(IRunPolicy run, long cents, CallOutcome? outcome, int minutes = 0)
    {
        var call = RefundCall(cents, minutes: minutes);
        var verdict = run.Decide(call).Verdict;
        if (verdict == Verdict.Allow && outcome is { } ended)
            run.Settle(call, ended);
        return verdict;
    }
}
