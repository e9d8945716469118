namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// How one tenant's requests of one class fared over the last hour, in minutes. Not thread-safe; owned by the core.
/// </summary>
internal sealed class SloAccount
{
    public const int Buckets = 60;
    public const double BucketSeconds = 60;
    private readonly Bucket[] _buckets = new Bucket[Buckets];

    /// <summary>The class's terms as they were last.</summary>
    public SloClass Service { get; set; } = SloClass.Standard;

    /// <summary>When something was last counted.</summary>
    public double LastAt { get; private set; }

    /// <summary>A request ended.</summary>
    public void Count(bool ttftMet, bool tpotMet, bool refused, double now)
    {
        ref var bucket = ref At(now);
        bucket.Total++;
        bucket.Ttft += ttftMet ? 1 : 0;
        bucket.Tpot += tpotMet ? 1 : 0;
        bucket.Good += ttftMet && tpotMet ? 1 : 0;
        bucket.Refused += refused ? 1 : 0;
        LastAt = now;
    }

    /// <summary>The last hour.</summary>
    public SloReport Report(double now)
    {
        var sum = new Bucket();
        var first = double.PositiveInfinity;
        foreach (var bucket in _buckets)
        {
            if (bucket.Total == 0 || bucket.Number <= Number(now) - Buckets)
                continue;
            sum.Total += bucket.Total;
            sum.Ttft += bucket.Ttft;
            sum.Tpot += bucket.Tpot;
            sum.Good += bucket.Good;
            sum.Refused += bucket.Refused;
            first = Math.Min(first, bucket.Number * BucketSeconds);
        }

        var allowed = (1 - Service.Objective) * sum.Total;
        var bad = sum.Total - sum.Good;
        return new()
        {
            Requests = sum.Total,
            Refused = sum.Refused,
            TtftAttainment = Share(sum.Ttft, sum.Total),
            TpotAttainment = Share(sum.Tpot, sum.Total),
            Attainment = Share(sum.Good, sum.Total),
            GoodputPerSecond = sum.Total == 0 ? 0 : sum.Good / Math.Max(BucketSeconds, now - first),
            ErrorBudgetLeft = bad == 0 ? 1 : allowed <= 0 ? -bad : 1 - (bad / allowed),
        };
    }

    private static long Number(double now) => (long)Math.Floor(now / BucketSeconds);

    private static double Share(long part, long all) => all == 0 ? 1 : (double)part / all;

    private ref Bucket At(double now)
    {
        var number = Number(now);
        ref var bucket = ref _buckets[(int)((ulong)number % Buckets)];
        if (bucket.Number != number || bucket.Total == 0)
            bucket = new() { Number = number };
        return ref bucket;
    }

    private struct Bucket
    {
        public long Number;
        public long Total;
        public long Ttft;
        public long Tpot;
        public long Good;
        public long Refused;
    }
}
