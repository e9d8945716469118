namespace AgentRuntime.Node.Models;

/// <summary>
/// Makes a GGUF of the llama architecture with seeded random weights. Its text is noise: words of a fixed list in
/// random order. It computes like a real model of its size, which is what tests and benchmarks need.
/// </summary>
public static class NoiseModel
{
    /// <summary>ChatML.</summary>
    internal const string ChatTemplate =
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' +"
        + " '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    /// <summary>
    /// The residual stream's element 0 is a constant that no layer touches, so that column 0 of the output matrix acts
    /// as a bias for each token: words are likely, lone bytes and control tokens are not, and the end comes in time.
    /// </summary>
    private const float Constant = 4f;

    private const uint ExpertsUsed = 2;

    /// <summary>Writes the model to <paramref name="path"/>, by a temporary file beside it and a rename.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, NoiseModelOptions? options = null)
    {
        var temporary = path + ".partial";
        using (var file = File.Create(temporary)) Write(file, options ?? new());
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Writes the model to a seekable stream.</summary>
    public static void Write(Stream output, NoiseModelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var vocabulary = new ByteVocabulary(options.VocabularyTokens, options.ControlTokens);
        var gguf = new GgufWriter();
        Describe(gguf, options, vocabulary);
        Weights(gguf, options, vocabulary);
        gguf.Write(output);
    }

    private static void Describe(GgufWriter gguf, NoiseModelOptions options, ByteVocabulary vocabulary)
    {
        gguf.Add("general.architecture", "llama");
        gguf.Add("general.name", options.Name);
        gguf.Add("general.description", "Random weights from a seed. The text it writes is noise and means nothing.");
        gguf.Add("general.file_type", options.Weights switch
        {
            WeightFormat.Float16 => 1u, WeightFormat.Quantized8 => 7u, _ => 0u,
        });
        gguf.Add("llama.context_length", (uint)options.ContextTokens);
        gguf.Add("llama.embedding_length", (uint)options.Embedding);
        gguf.Add("llama.block_count", (uint)options.Layers);
        gguf.Add("llama.feed_forward_length", (uint)options.FeedForward);
        if (options.Experts > 0)
        {
            gguf.Add("llama.expert_count", (uint)options.Experts);
            gguf.Add("llama.expert_used_count", ExpertsUsed);
        }

        gguf.Add("llama.attention.head_count", (uint)options.Heads);
        gguf.Add("llama.attention.head_count_kv", (uint)options.KvHeads);
        gguf.Add("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        gguf.Add("llama.rope.dimension_count", (uint)(options.Embedding / options.Heads));
        if (options.PoolingType is { } pooling) gguf.Add("llama.pooling_type", (uint)pooling);
        if (!options.Causal) gguf.Add("llama.attention.causal", false);
        gguf.Add("llama.vocab_size", (uint)vocabulary.Tokens.Count);
        vocabulary.Describe(gguf);
        gguf.Add("tokenizer.chat_template", options.ChatTemplate);
    }

    private static void Weights(GgufWriter gguf, NoiseModelOptions o, ByteVocabulary vocabulary)
    {
        var kv = o.Embedding / o.Heads * o.KvHeads;
        var seed = o.Seed;
        Func<int, int, float> Normal(float deviation, bool zeroFirstRow = false)
        {
            var random = new Random(seed++);
            return (row, _) =>
            {
                var value = deviation * Gaussian(random);
                return zeroFirstRow && row == 0 ? 0f : value;
            };
        }

        var inward = 1f / MathF.Sqrt(o.Embedding);
        var embedding = Normal(1f);
        gguf.AddTensor("token_embd.weight", o.Embedding, vocabulary.Tokens.Count, o.Weights,
            (row, column) => column == 0 ? Constant : embedding(row, column));
        for (var layer = 0; layer < o.Layers; layer++)
        {
            var at = $"blk.{layer}.";
            gguf.AddTensor(at + "attn_norm.weight", o.Embedding, 0, WeightFormat.Float32, static (_, _) => 1f);
            gguf.AddTensor(at + "attn_q.weight", o.Embedding, o.Embedding, o.Weights, Normal(inward));
            gguf.AddTensor(at + "attn_k.weight", o.Embedding, kv, o.Weights, Normal(inward));
            gguf.AddTensor(at + "attn_v.weight", o.Embedding, kv, o.Weights, Normal(inward));
            gguf.AddTensor(at + "attn_output.weight", o.Embedding, o.Embedding, o.Weights, Normal(0.5f * inward, true));
            gguf.AddTensor(at + "ffn_norm.weight", o.Embedding, 0, WeightFormat.Float32, static (_, _) => 1f);
            var down = 0.5f / MathF.Sqrt(o.FeedForward);
            if (o.Experts == 0)
            {
                gguf.AddTensor(at + "ffn_gate.weight", o.Embedding, o.FeedForward, o.Weights, Normal(inward));
                gguf.AddTensor(at + "ffn_up.weight", o.Embedding, o.FeedForward, o.Weights, Normal(inward));
                gguf.AddTensor(at + "ffn_down.weight", o.FeedForward, o.Embedding, o.Weights, Normal(down, true));
                continue;
            }

            var all = o.FeedForward * o.Experts;
            gguf.AddTensor(at + "ffn_gate_inp.weight", o.Embedding, o.Experts, WeightFormat.Float32, Normal(inward));
            gguf.AddTensor(at + "ffn_gate_exps.weight", o.Embedding, all, o.Weights, Normal(inward), o.Experts);
            gguf.AddTensor(at + "ffn_up_exps.weight", o.Embedding, all, o.Weights, Normal(inward), o.Experts);
            var wide = Normal(down);
            gguf.AddTensor(at + "ffn_down_exps.weight", o.FeedForward, o.Embedding * o.Experts, o.Weights,
                (row, column) => row % o.Embedding == 0 ? 0f : wide(row, column), o.Experts);
        }

        gguf.AddTensor("output_norm.weight", o.Embedding, 0, WeightFormat.Float32, static (_, _) => 1f);
        var output = Normal(4 * inward);
        var end = vocabulary.Tokens.IndexOf(ByteVocabulary.EndOfTurn);
        gguf.AddTensor("output.weight", o.Embedding, vocabulary.Tokens.Count, o.Weights, (row, column) =>
        {
            var value = output(row, column);
            return column != 0 ? value : row == end || vocabulary.WholeWords.Contains(row) ? 0f : -8f;
        });
    }

    private static float Gaussian(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
}
