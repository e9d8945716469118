namespace AgentRuntime.Gateway.Routing;

/// <summary>Bounds of a <see cref="KvIndex"/>. Immutable.</summary>
public sealed record KvIndexOptions
{
    /// <summary>
    /// The most distinct blocks; beyond it the least recently stored of a few are dropped. Default 16 Mi, which is
    /// about 450 MB when full. At least 1,024.
    /// </summary>
    public int MaxBlocks { get; init; } = 16 << 20;

    /// <summary>The most speculative holdings at once; beyond it the oldest expire early. Default 1 Mi.</summary>
    public int MaxSpeculative { get; init; } = 1 << 20;

    /// <summary>
    /// How long a block counts as cached after a dispatch without the engine's word for it. Default 5 s (llm-d's
    /// speculative indexing uses 2 s; a long prompt may wait longer than that for its prefill).
    /// </summary>
    public double SpeculativeSeconds { get; init; } = 5;

    /// <summary>
    /// How long, at most, blocks are believed of a source that cannot be replayed. They are dropped after between one
    /// half and the whole of it without use. Default 120 s.
    /// </summary>
    public double UnconfirmedSeconds { get; init; } = 120;
}
