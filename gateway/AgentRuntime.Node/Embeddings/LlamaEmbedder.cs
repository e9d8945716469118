using AgentRuntime.Abstractions;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Embeddings;

/// <summary>
/// A llama.cpp context of its own, beside the engine's, on the same weights. Each text is computed alone from an empty
/// cache, so that its vector does not depend on its neighbours. The tokens' vectors are pooled here and not in
/// llama.cpp, which pools within one physical batch only: a long text then needs no larger one.
/// </summary>
internal sealed unsafe class LlamaEmbedder : ITextEmbedder
{
    /// <summary>llama.cpp computes logits for each of them too, of the size of the vocabulary.</summary>
    private const int CausalPass = 128;

    private const int PoolingNone = 0;
    private const int NoFlashAttention = 0;

    private readonly ContextHandle _handle;
    private readonly ComputeThreads? _threads;
    private readonly EmbeddingPooling _pooling;
    private readonly int _dimensions;
    private readonly int _pass;

    private LlamaEmbedder(LoadedModel model, NodeOptions options, EmbeddingPooling pooling)
    {
        _pooling = pooling;
        _dimensions = Llama.ModelEmbeddingOutput(model.Handle);
        var isCausal = model.Generates;
        // Where tokens look ahead, all have to be in one pass, and positions may be rows of a table (BERT's) that ends
        // with the trained context: llama.cpp ends the process otherwise.
        var most = isCausal ? options.ContextTokens : Math.Min(options.ContextTokens, model.TrainedContext);
        _pass = Math.Min(isCausal ? CausalPass : most, options.BatchTokens);
        MostTokens = isCausal ? most : _pass;
        var parameters = Llama.ContextDefaultParams();
        parameters.ContextCells = (uint)options.ContextTokens;
        parameters.BatchTokens = (uint)_pass;
        parameters.MicroBatchTokens = (uint)_pass;
        parameters.MaxSequences = 1;
        parameters.Threads = options.Threads;
        parameters.BatchThreads = options.Threads;
        parameters.Embeddings = 1;
        parameters.PoolingType = PoolingNone;
        if (options.Exact)
        {
            parameters.KeyType = GgmlTensor.Float32;
            parameters.ValueType = GgmlTensor.Float32;
            parameters.FlashAttentionType = NoFlashAttention;
        }

        NativeLog.TakeErrors();
        _handle = Llama.ContextInit(model.Handle, parameters);
        if (_handle.IsInvalid)
        {
            _handle.Dispose();
            throw new RuntimeErrorException(new(
                ReasonCodes.InvalidModelFile,
                $"llama.cpp makes no context for embeddings: {NativeLog.TakeErrors() ?? "no reason given"}",
                Path.GetFileName(model.Path),
                "Lower the context, or give a machine with more memory."));
        }

        _threads = ComputeThreads.Attach(_handle, options.Threads);
    }

    public int MostTokens { get; }

    /// <summary>Null when the model has no embeddings and the operator asks for none.</summary>
    /// <exception cref="RuntimeErrorException">AR4010: llama.cpp makes no context.</exception>
    public static LlamaEmbedder? Create(LoadedModel model, NodeOptions options) =>
        PoolingMetadata.Of(model, options.Embeddings) is { } pooling ? new(model, options, pooling) : null;

    public float[] Embed(ReadOnlySpan<int> tokens)
    {
        ArgumentOutOfRangeException.ThrowIfZero(tokens.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens.Length, MostTokens);
        var memory = Llama.Memory(_handle);
        if (memory != 0) Llama.MemoryClear(memory, 0);
        var sums = new double[_dimensions];
        for (var from = 0; from < tokens.Length; from += _pass)
        {
            var part = tokens.Slice(from, Math.Min(_pass, tokens.Length - from));
            Decode(part);
            for (var i = 0; i < part.Length; i++)
                if (Counts(from + i, tokens.Length))
                    Add(Llama.Embedding(_handle, i), sums);
        }

        return UnitLength(sums);
    }

    public void Dispose()
    {
        _handle.Dispose();
        _threads?.Dispose();
    }

    private bool Counts(int position, int count) => _pooling switch
    {
        EmbeddingPooling.First => position == 0,
        EmbeddingPooling.Last => position == count - 1,
        _ => true,
    };

    private void Decode(ReadOnlySpan<int> tokens)
    {
        fixed (int* source = tokens)
        {
            // As llama_batch_get_one: positions go on from the cache, all is sequence 0, every token is output.
            var batch = new LlamaBatch { TokenCount = tokens.Length, Tokens = source };
            if (Llama.Decode(_handle, batch) == 0) return;
        }

        throw Failed(NativeLog.TakeErrors() ?? "llama.cpp does not compute it");
    }

    private static void Add(float* vector, double[] sums)
    {
        if (vector is null) throw Failed("llama.cpp gives no vector");
        for (var i = 0; i < sums.Length; i++) sums[i] += vector[i];
    }

    /// <summary>A mean and a sum differ in length only, which is lost here.</summary>
    private static float[] UnitLength(double[] sums)
    {
        var squares = 0.0;
        foreach (var value in sums) squares += value * value;
        if (!double.IsFinite(squares) || squares == 0) throw Failed("the vector has no direction");
        var length = Math.Sqrt(squares);
        return Array.ConvertAll(sums, value => (float)(value / length));
    }

    private static RuntimeErrorException Failed(string reason) =>
        new(new(ReasonCodes.EngineFailed, $"the embedding failed: {reason}", "input"));
}
