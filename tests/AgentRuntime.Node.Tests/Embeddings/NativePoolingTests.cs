using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Embeddings;

/// <summary>llama.cpp's own pooling, which works within one physical batch, as the measure of the node's.</summary>
public sealed class NativePoolingTests(EmbeddingNode fixture) : IClassFixture<EmbeddingNode>
{
    private const int Tokens = 300;
    private const int Mean = 1;
    private const int Last = 3;

    [Fact]
    public async Task The_mean_over_several_passes_is_that_of_llama_cpp_over_one()
    {
        int[] tokens = [.. Enumerable.Range(0, Tokens).Select(i => i * 7 % 250)];
        var ours = (await EmbeddingNode.VectorsAsync(
            fixture.Node, new JsonArray([.. tokens.Select(t => (JsonNode)t)])))[0];

        Assert.Equal(1, EmbeddingNode.Cosine(ours, Native(tokens, Mean)), 5);
        Assert.True(EmbeddingNode.Cosine(ours, Native(tokens, Last)) < 0.99);
    }

    private static unsafe float[] Native(int[] tokens, int pooling)
    {
        using var model = LoadedModel.Load(DemoNode.Options);
        var parameters = Llama.ContextDefaultParams();
        parameters.ContextCells = 512;
        parameters.BatchTokens = 512;
        parameters.MicroBatchTokens = 512;
        parameters.Threads = 1;
        parameters.BatchThreads = 1;
        parameters.Embeddings = 1;
        parameters.PoolingType = pooling;
        parameters.KeyType = 0;
        parameters.ValueType = 0;
        parameters.FlashAttentionType = 0;
        using var context = Llama.ContextInit(model.Handle, parameters);
        fixed (int* source = tokens)
            Assert.Equal(0, Llama.Decode(context, new() { TokenCount = tokens.Length, Tokens = source }));
        var vector = new Span<float>(PooledVector(context), Llama.ModelEmbeddingOutput(model.Handle)).ToArray();
        var length = Math.Sqrt(EmbeddingNode.Cosine(vector, vector));
        return Array.ConvertAll(vector, value => (float)(value / length));
    }

    /// <summary>The node itself does not use this function, so that it is looked up here.</summary>
    private static unsafe float* PooledVector(ContextHandle context)
    {
        using var process = Process.GetCurrentProcess();
        var path = process.Modules.Cast<ProcessModule>().Select(m => m.FileName)
            .First(name => Path.GetFileName(name).StartsWith("libllama.", StringComparison.Ordinal));
        var library = NativeLibrary.Load(path);
        try
        {
            var pooled = (delegate* unmanaged[Cdecl]<nint, int, float*>)NativeLibrary.GetExport(
                library, "llama_get_embeddings_seq");
            return pooled(context.DangerousGetHandle(), 0);
        }
        finally
        {
            NativeLibrary.Free(library);
        }
    }
}
