using System.Diagnostics;
using System.Runtime.InteropServices;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Embeddings;

/// <summary>llama.cpp's own pooling, which works within one physical batch, as the measure of the node's.</summary>
internal static class NativePooling
{
    public static unsafe float[] Of(string path, int[] tokens, int pooling)
    {
        using var model = LoadedModel.Load(DemoNode.Options with { ModelPath = path });
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
