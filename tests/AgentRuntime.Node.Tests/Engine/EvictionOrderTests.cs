using AgentRuntime.Node.Engine;
using AgentRuntime.TestKit;

namespace AgentRuntime.Node.Tests.Engine;

public sealed class EvictionOrderTests
{
    [Fact]
    public void It_agrees_with_a_naive_list_over_random_use()
    {
        var random = new Random(7);
        var time = new ManualTime();
        var order = new EvictionOrder<Thing>(time);
        var naive = new List<Thing>();
        for (var step = 0; step < 20_000; step++)
        {
            var any = naive.Count == 0 ? null : naive[random.Next(naive.Count)];
            switch (random.Next(12))
            {
                case < 4:
                    var added = new Thing { Used = step };
                    added.Place = order.Add(added);
                    naive.Add(added);
                    break;
                case < 6 when any is not null:
                    order.Touch(any.Place!);
                    any.Used = step;
                    break;
                case < 8 when any is not null:
                    // Claims are taken in the order of use here: what is claimed has just been used.
                    order.Touch(any.Place!);
                    any.Used = step;
                    var claim = new RetainClaim(random.Next(4), time.GetTimestamp() + random.Next(-2, 60));
                    order.Claim(any.Place!, claim);
                    if (claim.Priority == 0 || claim.Until <= time.GetTimestamp()) break;
                    any.Priority = Math.Max(any.Priority, claim.Priority);
                    any.Until = Math.Max(any.Until, claim.Until);
                    break;
                case < 9:
                    time.Advance(TimeSpan.FromTicks(random.Next(5)));
                    break;
                case < 10 when any is not null:
                    order.Remove(any.Place!);
                    naive.Remove(any);
                    break;
                default:
                    Lapse(naive, time.GetTimestamp());
                    Assert.Equal(naive.Count(t => t.Priority > 0), order.Claimed);
                    var first = order.First(t => t.MayGo);
                    var expected = naive.Where(t => t.MayGo).OrderBy(t => t.Priority).ThenBy(t => t.Lapsed ? 0 : 1)
                        .ThenBy(t => t.Used).FirstOrDefault();
                    // Among those whose claims have lapsed no order is promised.
                    if (expected is { Lapsed: true, Priority: 0 }) Assert.True(first is { Lapsed: true, Priority: 0 });
                    else Assert.Same(expected, first);
                    break;
            }

            if (step % 50 == 0 && naive.Count > 0) naive[random.Next(naive.Count)].MayGo ^= true;
        }
    }

    [Fact]
    public void Claims_on_things_that_are_gone_take_no_memory()
    {
        var time = new ManualTime();
        var order = new EvictionOrder<Thing>(time);
        for (var i = 0; i < 10_000; i++)
        {
            var place = order.Add(new Thing());
            order.Claim(place, new(50, time.GetTimestamp() + TimeSpan.TicksPerHour));
            order.Remove(place);
        }

        Assert.InRange(order.Lapses, 0, 200);
        Assert.Equal(0, order.Claimed);
    }

    private static void Lapse(List<Thing> things, long now)
    {
        foreach (var thing in things.Where(t => t.Priority > 0 && t.Until <= now))
            (thing.Priority, thing.Until, thing.Lapsed) = (0, 0, true);
    }

    private sealed class Thing
    {
        private int _used;

        public EvictionOrder<Thing>.Place? Place { get; set; }

        public int Used
        {
            get => _used;
            set => (_used, Lapsed) = (value, false);
        }

        public int Priority { get; set; }

        public long Until { get; set; }

        public bool Lapsed { get; set; }

        public bool MayGo { get; set; } = true;
    }
}
