using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

/// <summary>The incremental monitors against a model that keeps every call and counts it all again each time.</summary>
public sealed class HistoryModelTests
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    [Fact]
    public void Incremental_conditions_decide_like_a_model_that_keeps_everything()
    {
        var agents = Sample.Agents.Replace(
            "max: {amount_cents: 5000}",
            "max: {amount_cents: 5000}\n        history: {at_most: {calls: 4, within: 10m}, total: {amount_cents: 90}, "
                + "after: {call: shop/lookup, same: [order], within: 10m}}",
            StringComparison.Ordinal);
        var snapshot = Sample.Snapshot(Sample.Bundle(("agents.yaml", agents)));
        var verdicts = new int[4];
        for (var seed = 0; seed < 200; seed++)
            Compare(snapshot.Open(Calls.Agent("demo/clerk")), new Random(seed), verdicts);

        Assert.True(verdicts[(int)Verdict.Allow] > 500, "too few calls were allowed to tell anything");
        Assert.True(verdicts[(int)Verdict.Deny] > 500, "too few calls were denied to tell anything");
    }

    private static void Compare(IRunPolicy run, Random random, int[] verdicts)
    {
        var events = new List<Event>();
        var now = Calls.Noon;
        for (var step = 0; step < 80; step++)
        {
            now += TimeSpan.FromSeconds(random.Next(0, 120));
            var open = events.Where(e => e.Outcome is null).ToList();
            if (open.Count > 0 && random.Next(3) == 0)
            {
                var ended = open[random.Next(open.Count)];
                ended.Outcome = (CallOutcome)random.Next(1, 4);
                run.Settle(ended.Call, ended.Outcome.Value);
                continue;
            }

            var order = $"{(char)('A' + random.Next(3))}";
            var amount = random.Next(3) == 0 ? 0 : random.Next(1, 12);
            var call = amount == 0
                ? Calls.Tool("shop/lookup", $$"""{"order": "{{order}}"}""", now)
                : Calls.Tool("shop/refund", $$"""{"order": "{{order}}", "amount_cents": {{amount}}}""", now);
            var expected = amount == 0 || Allows(events, order, amount, now) ? Verdict.Allow : Verdict.Deny;

            var verdict = run.Decide(call).Verdict;

            Assert.Equal(expected, verdict);
            if (amount > 0)
                verdicts[(int)verdict]++;
            if (verdict == Verdict.Allow)
                events.Add(new(call, order, amount, now));
        }
    }

    private static bool Allows(List<Event> events, string order, int amount, DateTimeOffset now)
    {
        var refunds = events.Where(e => e.Amount > 0 && e.Outcome != CallOutcome.NotSent).ToList();
        return refunds.Count(e => e.At > now - Window) < 4
            && refunds.Sum(e => e.Amount) + amount <= 90
            && events.Exists(e =>
                e.Amount == 0 && e.Order == order && e.Outcome == CallOutcome.Succeeded && now - e.At <= Window);
    }

    private sealed record Event(PolicyCall Call, string Order, int Amount, DateTimeOffset At)
    {
        public CallOutcome? Outcome { get; set; }
    }
}
