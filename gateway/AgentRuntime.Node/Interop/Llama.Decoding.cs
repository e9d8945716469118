using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <content>Decoding, the KV cache and its state; one thread at a time a context.</content>
internal static unsafe partial class Llama
{
    [LibraryImport(Lib, EntryPoint = "llama_n_ctx")]
    public static partial uint ContextCells(ContextHandle context);

    [LibraryImport(Lib, EntryPoint = "llama_set_adapters_lora")]
    public static partial int SetAdapters(ContextHandle context, nint* adapters, nuint count, float* scales);

    [LibraryImport(Lib, EntryPoint = "llama_attach_threadpool")]
    public static partial void AttachThreads(ContextHandle context, nint pool, nint batchPool);

    [LibraryImport(Lib, EntryPoint = "llama_decode")]
    public static partial int Decode(ContextHandle context, LlamaBatch batch);

    [LibraryImport(Lib, EntryPoint = "llama_get_logits_ith")]
    public static partial float* Logits(ContextHandle context, int index);

    /// <summary>The vector of a token of the last batch; null for none.</summary>
    [LibraryImport(Lib, EntryPoint = "llama_get_embeddings_ith")]
    public static partial float* Embedding(ContextHandle context, int index);

    [LibraryImport(Lib, EntryPoint = "llama_get_memory")]
    public static partial nint Memory(ContextHandle context);

    [LibraryImport(Lib, EntryPoint = "llama_memory_clear")]
    public static partial void MemoryClear(nint memory, byte data);

    [LibraryImport(Lib, EntryPoint = "llama_memory_seq_rm")]
    public static partial byte SequenceRemove(nint memory, int sequence, int from, int to);

    [LibraryImport(Lib, EntryPoint = "llama_memory_seq_cp")]
    public static partial void SequenceCopy(nint memory, int source, int target, int from, int to);

    [LibraryImport(Lib, EntryPoint = "llama_memory_seq_pos_max")]
    public static partial int SequenceLastPosition(nint memory, int sequence);

    [LibraryImport(Lib, EntryPoint = "llama_state_seq_get_size_ext")]
    public static partial nuint SequenceStateSize(ContextHandle context, int sequence, uint flags);

    [LibraryImport(Lib, EntryPoint = "llama_state_seq_get_data_ext")]
    public static partial nuint SequenceStateGet(
        ContextHandle context, byte* target, nuint size, int sequence, uint flags);

    [LibraryImport(Lib, EntryPoint = "llama_state_seq_set_data_ext")]
    public static partial nuint SequenceStateSet(
        ContextHandle context, byte* source, nuint size, int sequence, uint flags);
}
