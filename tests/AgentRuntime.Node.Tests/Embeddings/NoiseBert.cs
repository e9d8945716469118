using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Embeddings;

/// <summary>
/// Writes a GGUF of the BERT architecture as llama.cpp's converter does, with seeded random weights: every token sees
/// every other, positions are rows of a table, and the vocabulary is WordPiece's.
/// </summary>
internal static class NoiseBert
{
    public const int ContextTokens = 64;
    public const int Unknown = 1;
    public const int Begin = 2;
    public const int End = 3;

    private const int Embedding = 64;
    private const int FeedForward = 128;
    private const int Layers = 3;
    private const int Heads = 4;

    /// <summary>As the converter writes them: a word's first piece after U+2581, what follows it bare.</summary>
    private static readonly string[] Vocabulary =
    [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u2581the", "\u2581river", "s", "\u2581un", "seen", "\u2581!",
        "\u2581green", "er", "\u2581cafe", "\u2581is", "\u2581,",
    ];

    public static int Id(string piece) => Array.IndexOf(Vocabulary, piece);

    /// <param name="path">Where to.</param>
    /// <param name="pooling">llama_pooling_type: 1 mean, 2 first, 3 last.</param>
    public static void Write(string path, int pooling)
    {
        var gguf = new GgufWriter();
        gguf.Add("general.architecture", "bert");
        gguf.Add("general.name", "noise-bert");
        gguf.Add("bert.context_length", (uint)ContextTokens);
        gguf.Add("bert.embedding_length", (uint)Embedding);
        gguf.Add("bert.feed_forward_length", (uint)FeedForward);
        gguf.Add("bert.block_count", (uint)Layers);
        gguf.Add("bert.attention.head_count", (uint)Heads);
        gguf.Add("bert.attention.layer_norm_epsilon", 1e-12f);
        gguf.Add("bert.attention.causal", false);
        gguf.Add("bert.pooling_type", (uint)pooling);
        gguf.Add("tokenizer.ggml.model", "bert");
        gguf.Add("tokenizer.ggml.token_type_count", 2u);
        gguf.Add("tokenizer.ggml.tokens", Vocabulary);
        gguf.Add(
            "tokenizer.ggml.token_type",
            Vocabulary.Select((_, id) => id == Unknown ? 2 : id < 5 ? 3 : 1).ToArray());
        gguf.Add("tokenizer.ggml.padding_token_id", 0u);
        gguf.Add("tokenizer.ggml.unknown_token_id", (uint)Unknown);
        gguf.Add("tokenizer.ggml.bos_token_id", (uint)Begin);
        gguf.Add("tokenizer.ggml.cls_token_id", (uint)Begin);
        gguf.Add("tokenizer.ggml.seperator_token_id", (uint)End);
        gguf.Add("tokenizer.ggml.eos_token_id", (uint)End);
        gguf.Add("tokenizer.ggml.mask_token_id", 4u);
        Weights(gguf);
        using var file = File.Create(path);
        gguf.Write(file);
    }

    private static void Weights(GgufWriter gguf)
    {
        var seed = 20261128;
        Func<int, int, float> Random(float width, float about = 0)
        {
            var random = new Random(seed++);
            return (_, _) => about + (width * ((2 * random.NextSingle()) - 1));
        }

        void Matrix(string name, int columns, int rows) =>
            gguf.AddTensor(name, columns, rows, WeightFormat.Float32, Random(1.7f / MathF.Sqrt(columns)));
        void Vector(string name, int columns, float about = 0) =>
            gguf.AddTensor(name, columns, 0, WeightFormat.Float32, Random(0.3f, about));
        void Linear(string name, int columns, int rows)
        {
            Matrix(name + ".weight", columns, rows);
            Vector(name + ".bias", rows);
        }

        void Norm(string name)
        {
            Vector(name + ".weight", Embedding, about: 1);
            Vector(name + ".bias", Embedding);
        }

        gguf.AddTensor("token_embd.weight", Embedding, Vocabulary.Length, WeightFormat.Float32, Random(1));
        gguf.AddTensor("token_types.weight", Embedding, 2, WeightFormat.Float32, Random(0.3f));
        gguf.AddTensor("position_embd.weight", Embedding, ContextTokens, WeightFormat.Float32, Random(0.5f));
        Norm("token_embd_norm");
        for (var layer = 0; layer < Layers; layer++)
        {
            var at = $"blk.{layer}.";
            Linear(at + "attn_q", Embedding, Embedding);
            Linear(at + "attn_k", Embedding, Embedding);
            Linear(at + "attn_v", Embedding, Embedding);
            Linear(at + "attn_output", Embedding, Embedding);
            Norm(at + "attn_output_norm");
            Linear(at + "ffn_up", Embedding, FeedForward);
            Linear(at + "ffn_down", FeedForward, Embedding);
            Norm(at + "layer_output_norm");
        }
    }
}
