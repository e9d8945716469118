namespace AgentRuntime.Node.Models;

/// <summary>The shape of a random model. Immutable; the defaults give about 3 MB.</summary>
public sealed record NoiseModelOptions
{
    /// <summary>About 100 million parameters: large enough that prefill costs something.</summary>
    public static NoiseModelOptions HundredMillion { get; } = new()
    {
        Name = "noise-100m", Embedding = 768, Layers = 14, Heads = 12, KvHeads = 12, FeedForward = 2048, Half = true,
    };

    /// <summary>The model's name.</summary>
    public string Name { get; init; } = "demo";

    /// <summary>Everything random comes from this.</summary>
    public int Seed { get; init; } = 20261120;

    /// <summary>Width of the residual stream; a multiple of <see cref="Heads"/>.</summary>
    public int Embedding { get; init; } = 96;

    /// <summary>Transformer blocks.</summary>
    public int Layers { get; init; } = 4;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public int KvHeads { get; init; } = 2;

    /// <summary>Width of the feed-forward layer.</summary>
    public int FeedForward { get; init; } = 256;

    /// <summary>Context length in tokens.</summary>
    public int ContextTokens { get; init; } = 8192;

    /// <summary>16-bit weights, else 32-bit.</summary>
    public bool Half { get; init; }
}
