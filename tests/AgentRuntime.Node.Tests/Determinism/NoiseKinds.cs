using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Determinism;

/// <summary>
/// Writes GGUF files with seeded random weights of architectures whose attention is not plain: every other layer of
/// <see cref="GptOss"/> and <see cref="Gemma2"/> sees a window of <see cref="Window"/> tokens.
/// </summary>
internal static class NoiseKinds
{
    /// <summary>Windows, sinks and a mixture of experts.</summary>
    public const string GptOss = "gpt-oss";

    /// <summary>Windows and a cap on scores.</summary>
    public const string Gemma2 = "gemma2";

    /// <summary>A bias by distance (ALiBi).</summary>
    public const string Refact = "refact";

    /// <summary>Positions of several kinds (multimodal RoPE).</summary>
    public const string Qwen2Vl = "qwen2vl";

    /// <summary>Layers that differ in how many heads share keys.</summary>
    public const string Deci = "deci";

    /// <summary>Tokens that a layer with a window sees, the row's own among them.</summary>
    public const int Window = 40;

    private const int Embedding = 128;
    private const int FeedForward = 128;
    private const int Layers = 4;
    private const int Heads = 4;
    private const int HeadWidth = Embedding / Heads;
    private const int Experts = 4;

    private static readonly int[] UnlikeKvHeads = [4, 2, 1, 2];

    /// <summary>Writes a model that is there until the tests end.</summary>
    public static string Write(string architecture) => DemoNode.WriteFile(architecture + ".gguf", path =>
    {
        var vocabulary = new ByteVocabulary();
        var gguf = new GgufWriter();
        Describe(gguf, architecture);
        vocabulary.Describe(gguf);
        Weights(gguf, architecture, vocabulary);
        using var file = File.Create(path);
        gguf.Write(file);
    });

    private static void Describe(GgufWriter gguf, string kind)
    {
        gguf.Add("general.architecture", kind);
        gguf.Add("general.name", kind);
        gguf.Add($"{kind}.context_length", 8192u);
        gguf.Add($"{kind}.embedding_length", (uint)Embedding);
        gguf.Add($"{kind}.block_count", (uint)Layers);
        gguf.Add($"{kind}.feed_forward_length", (uint)FeedForward);
        gguf.Add($"{kind}.attention.head_count", (uint)Heads);
        gguf.Add($"{kind}.attention.head_count_kv", [.. Enumerable.Range(0, Layers).Select(l => KvHeads(kind, l))]);
        gguf.Add($"{kind}.attention.key_length", (uint)HeadWidth);
        gguf.Add($"{kind}.attention.value_length", (uint)HeadWidth);
        gguf.Add($"{kind}.attention.layer_norm_rms_epsilon", 1e-5f);
        if (kind == Refact) return;
        gguf.Add($"{kind}.rope.dimension_count", (uint)HeadWidth);
        if (kind == Qwen2Vl) gguf.Add($"{kind}.rope.dimension_sections", [4, 6, 6, 0]);
        if (kind is Qwen2Vl or Deci) return;
        gguf.Add($"{kind}.attention.sliding_window", (uint)Window);
        if (kind == Gemma2) gguf.Add($"{kind}.attn_logit_softcapping", 2f);
        if (kind != GptOss) return;
        gguf.Add($"{kind}.expert_count", (uint)Experts);
        gguf.Add($"{kind}.expert_used_count", 2u);
        gguf.Add($"{kind}.expert_feed_forward_length", (uint)FeedForward);
    }

    private static int KvHeads(string kind, int layer) => kind == Deci ? UnlikeKvHeads[layer] : 2;

    private static void Weights(GgufWriter gguf, string kind, ByteVocabulary vocabulary)
    {
        var random = new Random(20261129);
        void Matrix(string name, int columns, int rows, float scale = 1, int matrices = 0)
        {
            var width = scale * 1.7f / MathF.Sqrt(columns);
            gguf.AddTensor(name + ".weight", columns, rows, WeightFormat.Float32, Next, matrices);
            float Next(int row, int column) => width * ((2 * random.NextSingle()) - 1);
        }

        void Vector(string name, int count, float about, int rows = 0) =>
            gguf.AddTensor(name, count, rows, WeightFormat.Float32, (_, _) => about + (.3f * random.NextSingle()));

        Matrix("token_embd", Embedding, vocabulary.Tokens.Count, kind == Gemma2 ? 1 : 3);
        if (kind != Gemma2) Matrix("output", Embedding, vocabulary.Tokens.Count, 3);
        Vector("output_norm.weight", Embedding, 1);
        for (var layer = 0; layer < Layers; layer++)
        {
            var at = $"blk.{layer}.";
            Vector(at + "attn_norm.weight", Embedding, 1);
            Matrix(at + "attn_q", Embedding, Heads * HeadWidth, 2);
            Matrix(at + "attn_k", Embedding, KvHeads(kind, layer) * HeadWidth, 2);
            Matrix(at + "attn_v", Embedding, KvHeads(kind, layer) * HeadWidth);
            Matrix(at + "attn_output", Heads * HeadWidth, Embedding);
            if (kind is GptOss or Gemma2) Vector(at + "post_attention_norm.weight", Embedding, 1);
            if (kind != GptOss)
            {
                Vector(at + "ffn_norm.weight", Embedding, 1);
                Matrix(at + "ffn_gate", Embedding, FeedForward);
                Matrix(at + "ffn_up", Embedding, FeedForward);
                Matrix(at + "ffn_down", FeedForward, Embedding);
                if (kind == Gemma2) Vector(at + "post_ffw_norm.weight", Embedding, 1);
                continue;
            }

            Vector(at + "attn_sinks.weight", Heads, 0.5f);
            Vector(at + "attn_output.bias", Embedding, 0);
            Matrix(at + "ffn_gate_inp", Embedding, Experts);
            Vector(at + "ffn_gate_inp.bias", Experts, 0);
            foreach (var part in (string[])["ffn_gate_exps", "ffn_up_exps"])
            {
                Matrix(at + part, Embedding, FeedForward * Experts, matrices: Experts);
                Vector($"{at}{part}.bias", FeedForward, 0, rows: Experts);
            }

            Matrix(at + "ffn_down_exps", FeedForward, Embedding * Experts, matrices: Experts);
            Vector(at + "ffn_down_exps.bias", Embedding, 0, rows: Experts);
        }
    }
}
