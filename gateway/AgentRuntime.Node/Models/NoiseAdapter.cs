namespace AgentRuntime.Node.Models;

/// <summary>Makes a LoRA adapter with seeded random weights for a <see cref="NoiseModel"/> of the same shape.</summary>
public static class NoiseAdapter
{
    /// <summary>Writes the file.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="model">The model that it is to fit.</param>
    /// <param name="seed">Of its weights; each matrix takes the next.</param>
    /// <param name="rank">Of its matrices.</param>
    public static void Write(string path, NoiseModelOptions model, int seed, int rank = 4)
    {
        var gguf = new GgufWriter();
        gguf.Add("general.type", "adapter");
        gguf.Add("general.architecture", "llama");
        gguf.Add("adapter.type", "lora");
        gguf.Add("adapter.lora.alpha", (float)rank);
        for (var layer = 0; layer < model.Layers; layer++)
        {
            foreach (var matrix in (string[])["attn_q", "attn_output"])
            {
                var name = $"blk.{layer}.{matrix}.weight";
                gguf.AddTensor(name + ".lora_a", model.Embedding, rank, WeightFormat.Float32, Normal());
                gguf.AddTensor(name + ".lora_b", rank, model.Embedding, WeightFormat.Float32, Normal());
            }
        }

        using var file = File.Create(path);
        gguf.Write(file);

        Func<int, int, float> Normal()
        {
            var random = new Random(seed++);
            return (_, _) => 0.3f * ((2 * random.NextSingle()) - 1);
        }
    }
}
