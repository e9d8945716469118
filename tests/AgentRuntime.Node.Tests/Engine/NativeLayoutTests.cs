using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Tests.Engine;

/// <summary>
/// The structs are copies of llama.h; the library's own defaults show whether the fields are where it puts them.
/// </summary>
public sealed class NativeLayoutTests
{
    [Fact]
    public void The_structs_have_the_sizes_of_llama_h()
    {
        Assert.Equal(80, System.Runtime.CompilerServices.Unsafe.SizeOf<LlamaModelParams>());
        Assert.Equal(160, System.Runtime.CompilerServices.Unsafe.SizeOf<LlamaContextParams>());
        Assert.Equal(56, System.Runtime.CompilerServices.Unsafe.SizeOf<LlamaBatch>());
        Assert.Equal(12, System.Runtime.CompilerServices.Unsafe.SizeOf<LlamaTokenData>());
        Assert.Equal(32, System.Runtime.CompilerServices.Unsafe.SizeOf<LlamaTokenDataArray>());
        Assert.Equal(336, System.Runtime.CompilerServices.Unsafe.SizeOf<GgmlTensor>());
        Assert.Equal(528, System.Runtime.CompilerServices.Unsafe.SizeOf<GgmlThreadPoolParams>());
    }

    [Fact]
    public void The_library_fills_the_defaults_where_they_are_read()
    {
        DemoNode.LoadLibrary();
        var model = Llama.ModelDefaultParams();
        Assert.Equal((-1, 1, -1, 1, 0), (model.GpuLayers, model.SplitMode, model.LoadMode, model.LazyMode,
            model.MainGpu));
        Assert.Equal((0, 0, 1, 0, 0, 0),
            (model.VocabOnly, model.CheckTensors, model.UseExtraBufferTypes, model.NoHost, model.NoAlloc,
                model.LoadMtp));

        var context = Llama.ContextDefaultParams();
        Assert.Equal((512u, 2048u, 512u, 1u), (context.ContextCells, context.BatchTokens, context.MicroBatchTokens,
            context.MaxSequences));
        Assert.Equal((-1, -1, -1, -1), (context.RopeScalingType, context.PoolingType, context.AttentionType,
            context.FlashAttentionType));
        Assert.Equal((-1f, -1f, 0u, -1f),
            (context.YarnExtFactor, context.YarnBetaSlow, context.YarnOriginalContext, context.DefragThreshold));
        Assert.Equal((1, 1), (context.KeyType, context.ValueType));
        Assert.Equal((0, 1, 1, 1, 1, 0),
            (context.Embeddings, context.OffloadKqv, context.NoPerf, context.OpOffload, context.SwaFull,
                context.KvUnified));
        Assert.Equal(0, context.OtherContext);
        Assert.Equal(256u, Llama.MaxParallelSequences());
    }

    [Fact]
    public void A_tensor_is_as_large_as_the_library_has_it()
    {
        DemoNode.LoadLibrary();
        const int objectBefore = 32;
        Assert.Equal(
            Ggml.TensorOverhead(),
            (nuint)(objectBefore + System.Runtime.CompilerServices.Unsafe.SizeOf<GgmlTensor>()));
    }

    [Fact]
    public void The_library_fills_the_defaults_of_thread_pools_where_they_are_read()
    {
        DemoNode.LoadLibrary();
        var threads = Ggml.ThreadPoolDefaults(3);
        Assert.Equal((3, 0, 50u, 0, 0),
            (threads.Threads, threads.Priority, threads.Poll, threads.StrictCpu, threads.Paused));
    }
}
