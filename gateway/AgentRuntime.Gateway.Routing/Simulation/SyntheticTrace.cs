namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>
/// Makes traces: groups share a system prompt, sessions of a group grow turn by turn, requests come as a Poisson
/// process, lengths are log-normal. The same seed gives the same trace.
/// </summary>
public sealed record SyntheticTrace
{
    /// <summary>Requests a second.</summary>
    public required double RequestsPerSecond { get; init; }

    /// <summary>Length of the trace.</summary>
    public required double Seconds { get; init; }

    /// <summary>Whose requests they are. Default 0.</summary>
    public int Tenant { get; init; }

    /// <summary>Their class. Default 0.</summary>
    public int Class { get; init; }

    /// <summary>Groups with a system prompt each. Default 8.</summary>
    public int Groups { get; init; } = 8;

    /// <summary>Tokens of a system prompt. Default 1,024.</summary>
    public int SystemTokens { get; init; } = 1024;

    /// <summary>Sessions of a group that go on at the same time. Default 8.</summary>
    public int SessionsPerGroup { get; init; } = 8;

    /// <summary>Median tokens that a turn adds to its session. Default 512.</summary>
    public int TurnTokens { get; init; } = 512;

    /// <summary>Standard deviation of its logarithm. Default 0.8.</summary>
    public double TurnSpread { get; init; } = 0.8;

    /// <summary>Turns after which a session ends and another begins. Default 8.</summary>
    public int Turns { get; init; } = 8;

    /// <summary>Median tokens of an answer. Default 200.</summary>
    public int OutputTokens { get; init; } = 200;

    /// <summary>Tokens of a block. Default 64.</summary>
    public int BlockTokens { get; init; } = 64;

    /// <summary>The trace, in order of arrival.</summary>
    public List<TraceRequest> Make(int seed)
    {
        var random = new Random(seed);
        var sessions = new Session[Groups * SessionsPerGroup];
        List<TraceRequest> trace = [];
        var born = 0L;
        for (var at = Exponential(random); at < Seconds; at += Exponential(random))
        {
            ref var session = ref sessions[random.Next(sessions.Length)];
            if (session.Blocks is null || session.Turn == Turns)
                session = new() { Id = ++born, Tokens = SystemTokens, Blocks = [] };
            session.Turn++;
            session.Tokens += LogNormal(random, TurnTokens, TurnSpread);
            var group = Array.IndexOf(sessions, session) / SessionsPerGroup;
            for (var block = session.Blocks.Count; block < session.Tokens / BlockTokens; block++)
            {
                var owner = (block + 1) * BlockTokens <= SystemTokens ? -1 - group : session.Id;
                session.Blocks.Add(TraceRequest.KeyOf(((owner * 1_000_003) + block) * 64 + Tenant));
            }

            var output = LogNormal(random, OutputTokens, 0.5);
            trace.Add(new(at, session.Tokens, output, [.. session.Blocks]) { Tenant = Tenant, Class = Class });
            session.Tokens += output;
        }

        return trace;
    }

    /// <summary>Several traces as one, in order of arrival.</summary>
    public static List<TraceRequest> Merge(params IEnumerable<TraceRequest>[] traces) =>
        [.. traces.SelectMany(static t => t).OrderBy(static r => r.ArrivalSeconds)];

    private static int LogNormal(Random random, double median, double spread)
    {
        var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return Math.Max(1, (int)(median * Math.Exp(spread * Math.Clamp(normal, -3, 3))));
    }

    private double Exponential(Random random) => -Math.Log(1 - random.NextDouble()) / RequestsPerSecond;

    private record struct Session
    {
        public long Id { get; set; }

        public int Turn { get; set; }

        public int Tokens { get; set; }

        public List<BlockKey> Blocks { get; set; }
    }
}
