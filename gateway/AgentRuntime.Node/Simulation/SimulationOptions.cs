namespace AgentRuntime.Node.Simulation;

/// <summary>
/// The timing of a node that computes nothing: one pass of the model takes a fixed time, time for each prompt token and
/// time for each sequence that writes. Immutable. The defaults are of the order of an 8B model on one large GPU; they
/// claim to be no measurement.
/// </summary>
public sealed record SimulationOptions
{
    /// <summary>Microseconds to read one prompt token; default 125 (8,000 tokens/s).</summary>
    public double PrefillMicrosecondsPerToken { get; init; } = 125;

    /// <summary>Milliseconds of a pass, whatever is in it; default 8.</summary>
    public double PassMilliseconds { get; init; } = 8;

    /// <summary>Microseconds that each writing sequence adds to a pass; default 40.</summary>
    public double DecodeMicrosecondsPerSequence { get; init; } = 40;

    /// <summary>How far a pass may be off, as a part of its time; default 0.05.</summary>
    public double Jitter { get; init; } = 0.05;

    /// <summary>Bytes of KV state a token, for transfers; default 131,072 (an 8B model with grouped heads).</summary>
    public long KvBytesPerToken { get; init; } = 131_072;

    /// <summary>Bytes a second that KV state moves; default 12.5 GB/s (100 Gb/s).</summary>
    public double TransferBytesPerSecond { get; init; } = 12.5e9;

    /// <summary>The mean length of answers that nothing else ends, in tokens; default 128.</summary>
    public int OutputTokens { get; init; } = 128;

    /// <summary>The seed of jitter and of answers' lengths; default 1.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>How much faster than real time; default 1.</summary>
    public double Speed { get; init; } = 1;

    /// <summary>How long moving that many tokens' state takes, in real time.</summary>
    internal TimeSpan TransferTime(int tokens) =>
        TimeSpan.FromSeconds(tokens * (double)KvBytesPerToken / TransferBytesPerSecond / Speed);

    /// <summary>How long a pass takes before jitter, in simulated time.</summary>
    internal TimeSpan PassTime(int promptTokens, int writingSequences) => TimeSpan.FromMicroseconds(
        (PassMilliseconds * 1000) + (promptTokens * PrefillMicrosecondsPerToken)
        + (writingSequences * DecodeMicrosecondsPerSequence));

    /// <summary>Everything that is wrong, one sentence each.</summary>
    internal IEnumerable<string> Faults()
    {
        if (!(PrefillMicrosecondsPerToken is >= 0 and <= 1e6))
            yield return "PrefillMicrosecondsPerToken is not within 0..1e6";
        if (!(PassMilliseconds is >= 0 and <= 1e5)) yield return "PassMilliseconds is not within 0..1e5";
        if (!(DecodeMicrosecondsPerSequence is >= 0 and <= 1e6))
            yield return "DecodeMicrosecondsPerSequence is not within 0..1e6";
        if (!(Jitter is >= 0 and < 1)) yield return "Jitter is not within 0..1";
        if (KvBytesPerToken is < 0 or > 1 << 30) yield return "KvBytesPerToken is not within 0..2^30";
        if (!(TransferBytesPerSecond > 0)) yield return "TransferBytesPerSecond is not positive";
        if (OutputTokens is < 1 or > 1 << 20) yield return "OutputTokens is not within 1..2^20";
        if (!(Speed is > 0 and <= 1e6)) yield return "Speed is not within 0..1e6";
    }
}
