using System.Buffers.Binary;
using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Models;

public sealed class ModelFaultsTests
{
    [Theory]
    [InlineData(float.NaN)]
    [InlineData(-1f)]
    public void A_model_whose_numbers_end_the_process_is_refused(float epsilon)
    {
        DemoNode.LoadLibrary();
        var file = File.ReadAllBytes(DemoNode.ModelPath);
        var key = "llama.attention.layer_norm_rms_epsilon"u8;
        BinaryPrimitives.WriteSingleLittleEndian(file.AsSpan(file.AsSpan().IndexOf(key) + key.Length + 4), epsilon);
        var path = DemoNode.WriteFile("epsilon.gguf", path => File.WriteAllBytes(path, file));
        Assert.Contains("layer_norm_rms_epsilon", Refusal(() => LoadedModel.Load(new() { ModelPath = path })),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("blk.0.attn_norm.weight", 26)] // I32
    [InlineData("output.weight", 24)] // I8
    public void A_model_with_weights_that_nothing_is_computed_with_is_refused(string tensor, byte type)
    {
        DemoNode.LoadLibrary();
        var path = Retyped(DemoNode.ModelPath, tensor, type);
        Assert.Contains(tensor, Refusal(() => LoadedModel.Load(new() { ModelPath = path })), StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_with_weights_that_nothing_is_computed_with_is_refused()
    {
        DemoNode.LoadLibrary();
        var adapter = DemoNode.WriteFile("adapter.gguf", path => NoiseAdapter.Write(path, new(), 1));
        LoadedModel Load(string path) =>
            LoadedModel.Load(new() { ModelPath = DemoNode.ModelPath, Adapters = [new("a", path)] });
        Load(adapter).Dispose();
        Assert.Contains("attn_q", Refusal(() => Load(Retyped(adapter, "blk.0.attn_q.weight.lora_a", 26))),
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_has_as_many_matrices_as_its_model()
    {
        GgufTensor[] model = [new("plain", [8, 8], 0), new("experts", [8, 8, 4], 0)];
        string? Fault(string name, params ulong[] size) => ModelFaults.OfAdapter([new(name, size, 0)], model);
        Assert.Null(Fault("plain.lora_a", 8, 2));
        Assert.Null(Fault("plain.lora_b", 2, 8, 1));
        Assert.Null(Fault("experts.lora_a", 8, 2, 4));
        Assert.NotNull(Fault("plain.lora_a", 8, 2, 2));
        Assert.NotNull(Fault("experts.lora_b", 2, 8));
    }

    [Theory]
    [InlineData("llama.rope.freq_base", "0.000000", true)]
    [InlineData("llama.rope.freq_base", "-nan", true)]
    [InlineData("llama.rope.freq_base", "inf", true)]
    [InlineData("llama.rope.freq_base", "10000.000000", false)]
    [InlineData("llama.attention.layer_norm_epsilon", "-0.100000", true)]
    [InlineData("llama.attention.layer_norm_epsilon", "0.000000", false)]
    public void Numbers_with_which_nothing_can_be_computed_are_named(string name, string value, bool isFault)
    {
        var metadata = new Dictionary<string, string> { ["general.architecture"] = "llama", [name] = value };
        Assert.Equal(isFault, ModelFaults.OfNumbers(metadata.GetValueOrDefault) is not null);
    }

    [Fact]
    public void A_vocabulary_that_no_text_can_be_read_with_is_refused()
    {
        string[] words = ["<unk>", "<s>", "</s>", "a", "b"];
        string[] bytes = [.. words, .. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>")];
        Vocabulary("llama", bytes, _ => { }).Dispose();
        Assert.Contains("for bytes", Refusal(() => Vocabulary("llama", words, _ => { })), StringComparison.Ordinal);
        Assert.Contains("no vocabulary", Refusal(() => Vocabulary("none", words, _ => { })), StringComparison.Ordinal);
        Assert.Contains("begin with", Refusal(() => Vocabulary("gpt2", words, gguf =>
        {
            gguf.Add("tokenizer.ggml.bos_token_id", uint.MaxValue);
            gguf.Add("tokenizer.ggml.add_bos_token", true);
        })), StringComparison.Ordinal);
        Assert.Contains("end with", Refusal(() => Vocabulary("gpt2", words, gguf =>
        {
            gguf.Add("tokenizer.ggml.eos_token_id", uint.MaxValue);
            gguf.Add("tokenizer.ggml.add_eos_token", true);
        })), StringComparison.Ordinal);
    }

    /// <summary>Writes a file again with another type of a tensor of two dimensions or one.</summary>
    private static string Retyped(string path, string tensor, byte type)
    {
        var file = File.ReadAllBytes(path);
        var name = Encoding.UTF8.GetBytes(tensor);
        var at = file.AsSpan().IndexOf((byte[])[(byte)name.Length, 0, 0, 0, 0, 0, 0, 0, .. name]) + 8 + name.Length;
        file[at + 4 + (8 * file[at])] = type;
        return DemoNode.WriteFile("retyped.gguf", to => File.WriteAllBytes(to, file));
    }

    private static string Refusal(Func<LoadedModel> load)
    {
        var e = Assert.Throws<RuntimeErrorException>(() => load().Dispose());
        Assert.Equal(ReasonCodes.InvalidModelFile, e.Error.Code);
        return e.Error.Message;
    }

    /// <summary>A vocabulary in which tokens of one character are normal and those for bytes are that.</summary>
    private static LoadedModel Vocabulary(string kind, string[] tokens, Action<GgufWriter> more)
    {
        DemoNode.LoadLibrary();
        return LoadedModel.LoadVocabulary(DemoNode.WriteFile("vocabulary.gguf", path =>
        {
            var gguf = new GgufWriter();
            gguf.Add("general.architecture", "llama");
            gguf.Add("tokenizer.ggml.model", kind);
            gguf.Add("tokenizer.ggml.pre", "gpt-2");
            gguf.Add("tokenizer.ggml.tokens", tokens);
            gguf.Add("tokenizer.ggml.token_type", tokens.Select(Kind).ToArray());
            gguf.Add("tokenizer.ggml.merges", ["a b"]);
            more(gguf);
            using var file = File.Create(path);
            gguf.Write(file);
        }));
    }

    private static int Kind(string token) => token.StartsWith("<0x", StringComparison.Ordinal) ? 6
        : token.Length != 1 ? 3 : 1;
}
