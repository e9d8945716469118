namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>The pool that a simulation runs on. Times are seconds. Immutable.</summary>
public sealed record SimulationOptions
{
    /// <summary>Engines that do both. Default 8.</summary>
    public int Engines { get; init; } = 8;

    /// <summary>Engines that only prefill, besides. Default 0.</summary>
    public int PrefillEngines { get; init; }

    /// <summary>Engines that only decode, besides. Default 0.</summary>
    public int DecodeEngines { get; init; }

    /// <summary>How much faster than recorded the requests come. Default 1.</summary>
    public double Speed { get; init; } = 1;

    /// <summary>Prompt tokens that an engine reads in a second. Default 8,000.</summary>
    public double PrefillTokensPerSecond { get; init; } = 8000;

    /// <summary>Speeds of the engines against the first one's, in turn. Default all alike.</summary>
    public IReadOnlyList<double> EngineSpeeds { get; init; } = [1];

    /// <summary>Tokens of an engine's prefix cache, evicted by least recent use. Default 2,100,000.</summary>
    public long KvTokens { get; init; } = 2_100_000;

    /// <summary>Tokens of a block. Default 512 (Mooncake).</summary>
    public int BlockTokens { get; init; } = 512;

    /// <summary>Time of an output token on an otherwise empty engine. Default 0.02.</summary>
    public double DecodeSecondsPerToken { get; init; } = 0.02;

    /// <summary>What each further running sequence adds to it. Default 0.0001.</summary>
    public double DecodeSecondsPerRunning { get; init; } = 0.0001;

    /// <summary>By what share each running sequence lengthens a prefill on the same engine. Default 0.</summary>
    public double DecodeInterference { get; init; }

    /// <summary>Share of prefill time in which running sequences stand still. Default 0.</summary>
    public double PrefillStall { get; init; }

    /// <summary>How late the router learns what an engine stored and evicted. Default 0.</summary>
    public double EventDelaySeconds { get; init; }

    /// <summary>Moving one token's KV state between engines. Default 8 µs.</summary>
    public double TransferSecondsPerToken { get; init; } = 8e-6;

    /// <summary>
    /// Whether our router is told that all requests are one tenant's: first come, first served. Default false.
    /// </summary>
    public bool OneTenant { get; init; }

    /// <summary>Time to first token that counts as good. Default 5.</summary>
    public double GoodTtftSeconds { get; init; } = 5;

    /// <summary>Engines of all kinds.</summary>
    public int AllEngines => Engines + PrefillEngines + DecodeEngines;

    /// <summary>What an engine may do.</summary>
    public EngineRoles RolesOf(int engine) =>
        engine < Engines ? EngineRoles.Both
        : engine < Engines + PrefillEngines ? EngineRoles.Prefill
        : EngineRoles.Decode;

    /// <summary>An engine's prefill speed.</summary>
    public double SpeedOf(int engine) => PrefillTokensPerSecond * EngineSpeeds[engine % EngineSpeeds.Count];
}
