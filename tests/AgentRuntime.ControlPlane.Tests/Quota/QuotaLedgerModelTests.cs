using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane.Tests;

/// <summary>The ledger against a model that keeps every charge in a list and sums it up afresh each time.</summary>
public sealed class QuotaLedgerModelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task The_ledger_grants_exactly_what_the_model_grants(int seed)
    {
        var random = new Random(seed);
        var quota = new LedgerFixture
        {
            Limits = new QuotaLimits { RequestsPerMinute = 12, TokensPerMinute = new(2_000), CostPerDay = new(30_000) },
        };
        var budget = new RunBudget { MaxTokens = new(4_000), MaxCost = new(6_000) };
        var runs = Enumerable.Range(0, 3).Select(_ => quota.NewRun()).ToArray();
        foreach (var run in runs)
            quota.Ledger.TryOpenRun(run, budget);
        var entries = new List<Entry>();
        var granted = 0;

        for (var step = 0; step < 4_000; step++)
        {
            switch (random.Next(10))
            {
                case < 6:
                    var (prompt, output) = (random.Next(600), random.Next(200));
                    var identity = random.Next(4) is var r && r < 3 ? runs[r] : quota.Caller;
                    var expected = Allowed(
                        entries, identity, prompt, output, quota.Limits, budget, quota.Time.GetUtcNow());
                    var outcome = await quota.ReserveAsync(prompt, output, identity);
                    Assert.Equal(expected, outcome is ReserveOutcome.Granted);
                    if (outcome is ReserveOutcome.Granted { Hold: var hold })
                    {
                        granted++;
                        entries.Add(new Entry(hold, quota.Time.GetUtcNow(), prompt + output, hold.Cost.Value));
                    }
                    break;
                case < 9:
                    if (entries.Count == 0)
                        break;
                    var entry = entries[random.Next(entries.Count)];
                    var reserved = entry.Hold.Reservation;
                    var usedPrompt = random.NextInt64(reserved.Prompt.Value + 1);
                    var usedOutput = random.NextInt64(reserved.Output.Value + 1);
                    var cost = await quota.SettleAsync(
                        entry.Hold, usedPrompt, random.NextInt64(usedPrompt + 1), usedOutput);
                    Assert.InRange(cost.Value, 0, entry.Hold.Cost.Value);
                    if (!entry.Settled && entry.Hold.ExpiresAt > quota.Time.GetUtcNow())
                        (entry.Tokens, entry.Cost) = (usedPrompt + usedOutput, cost.Value);
                    entry.Settled = true;
                    break;
                default:
                    quota.Time.Advance(TimeSpan.FromSeconds(random.Next(random.Next(20) == 0 ? 20_000 : 40)));
                    break;
            }
        }
        Assert.InRange(granted, 50, 4_000);
    }

    [Fact]
    public async Task Concurrent_requests_never_overshoot_together_and_waste_nothing()
    {
        var quota = new LedgerFixture
        {
            Limits = new QuotaLimits { RequestsPerMinute = 100_000, TokensPerMinute = new(10_007),
                CostPerDay = new(1_000_000) },
        };
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            var held = new List<QuotaHold>();
            for (var i = 0; i < 500; i++)
                if (await quota.ReserveAsync(7, 3) is ReserveOutcome.Granted { Hold: var hold })
                    held.Add(hold);
            return held;
        })));
        Assert.Equal(1_000, outcomes.Sum(o => o.Count));
        Assert.Equal(7, quota.Ledger.Status(quota.Caller.Tenant).TokensLeft.Value);

        // Every hold is settled by two callers at once: once counts.
        await Task.WhenAll(outcomes.SelectMany(o => o).SelectMany(hold => new[]
        {
            Task.Run(() => quota.SettleAsync(hold, 1, 0, 1)), Task.Run(() => quota.SettleAsync(hold, 1, 0, 1)),
        }));
        Assert.Equal(10_007 - 2_000, quota.Ledger.Status(quota.Caller.Tenant).TokensLeft.Value);
        Assert.Equal(0, quota.Ledger.OpenHolds(quota.Caller.Tenant));
    }

    private static bool Allowed(
        List<Entry> entries, WorkIdentity identity, long prompt, long output, QuotaLimits limits, RunBudget budget,
        DateTimeOffset now)
    {
        var cost = prompt + 2 * output;
        var minute = entries.Where(
            e => e.At.UtcTicks / TimeSpan.TicksPerMinute == now.UtcTicks / TimeSpan.TicksPerMinute).ToList();
        var day = entries.Where(e => e.At.UtcDateTime.Date == now.UtcDateTime.Date);
        var run = entries.Where(
            e => identity.Run is not null && e.Hold.Reservation.Identity.Run == identity.Run).ToList();
        return minute.Count < limits.RequestsPerMinute
            && minute.Sum(e => e.Tokens) + prompt + output <= limits.TokensPerMinute.Value
            && day.Sum(e => e.Cost) + cost <= limits.CostPerDay.Value
            && (identity.Run is null
                || (run.Sum(e => e.Tokens) + prompt + output <= budget.MaxTokens.Value
                    && run.Sum(e => e.Cost) + cost <= budget.MaxCost.Value));
    }

    private sealed class Entry(QuotaHold hold, DateTimeOffset at, long tokens, long cost)
    {
        public QuotaHold Hold { get; } = hold;

        public DateTimeOffset At { get; } = at;

        public long Tokens { get; set; } = tokens;

        public long Cost { get; set; } = cost;

        public bool Settled { get; set; }
    }
}
