namespace AgentRuntime.Node.Models;

/// <summary>How a GGUF file writes matrices.</summary>
public enum WeightFormat : byte
{
    /// <summary>32-bit floats (F32).</summary>
    Float32 = 1,

    /// <summary>16-bit floats (F16).</summary>
    Float16 = 2,

    /// <summary>Blocks of 32 signed bytes with a 16-bit scale (Q8_0); dimensions are multiples of 32.</summary>
    Quantized8 = 3,
}

/// <summary>The shape of a random model. Immutable; the defaults give about 3 MB.</summary>
public sealed record NoiseModelOptions
{
    /// <summary>About 100 million parameters: large enough that prefill costs something.</summary>
    public static NoiseModelOptions HundredMillion { get; } = new()
    {
        Name = "noise-100m", Embedding = 768, Layers = 14, Heads = 12, KvHeads = 12, FeedForward = 2048,
        Weights = WeightFormat.Float16,
    };

    /// <summary>About 60 million parameters with a vocabulary of 32,000: a small model as people serve them.</summary>
    public static NoiseModelOptions SixtyMillion { get; } = new()
    {
        Name = "noise-60m", Embedding = 512, Layers = 8, Heads = 8, KvHeads = 8, FeedForward = 1408,
        VocabularyTokens = 32_000, Weights = WeightFormat.Quantized8,
    };

    /// <summary>The model's name.</summary>
    public string Name { get; init; } = "demo";

    /// <summary>How its conversations look, in Jinja.</summary>
    internal string ChatTemplate { get; init; } = NoiseModel.ChatTemplate;

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

    /// <summary>
    /// Feed-forward layers of which every token uses two (a mixture of experts); 0 (default) for one that all use.
    /// </summary>
    public int Experts { get; init; }

    /// <summary>
    /// The least entries of the vocabulary; what the word list lacks is made up, and is never likely. Default 0.
    /// </summary>
    public int VocabularyTokens { get; init; }

    /// <summary>Control tokens besides those of ChatML, the last of the vocabulary; default none.</summary>
    internal IReadOnlyList<string> ControlTokens { get; init; } = [];

    /// <summary>Context length in tokens.</summary>
    public int ContextTokens { get; init; } = 8192;

    /// <summary>
    /// The <c>llama_pooling_type</c> that the file names for embeddings (1 mean, 2 first, 3 last, 4 rank); null
    /// (default) for none.
    /// </summary>
    public int? PoolingType { get; init; }

    /// <summary>Whether tokens see only those before them; default yes. No is for models that only embed.</summary>
    public bool Causal { get; init; } = true;

    /// <summary>How the matrices are written; default 32-bit floats.</summary>
    public WeightFormat Weights { get; init; } = WeightFormat.Float32;
}
