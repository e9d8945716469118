using System.Runtime.InteropServices;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Kernels;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// A llama.cpp context with one pool of KV cells for all sequences, and the batch that is being filled for it.
/// One thread at a time.
/// </summary>
internal sealed unsafe class LlamaContext : IModelContext
{
    /// <summary>llama.cpp's compiled-in most (LLAMA_MAX_SEQ).</summary>
    public const int MostSequences = 256;

    private const int Twins = MostSequences / 2;
    private const int NoFlashAttention = 0;

    private readonly ContextHandle _handle;
    private readonly LoadedModel _model;
    private readonly nint _memory;
    private readonly WindowCells? _window;
    private readonly ComputeThreads? _threads;
    private readonly void* _block;
    private LlamaBatch _batch;
    private string? _adapter;

    public LlamaContext(LoadedModel model, NodeOptions options)
    {
        _model = model;
        var parameters = Llama.ContextDefaultParams();
        var capacity = options.BatchTokens;
        parameters.ContextCells = (uint)options.PoolTokens;
        parameters.BatchTokens = (uint)capacity;
        // What a part of a batch stores must not lie behind a window for the next part: one part.
        parameters.MicroBatchTokens = (uint)(model.Window > 0 ? capacity : Math.Min(capacity, 512));
        parameters.MaxSequences = MostSequences;
        // llama.cpp reserves an output for every sequence and asserts that this is allowed.
        parameters.MaxOutputs = (uint)Math.Max(capacity, MostSequences);
        parameters.Threads = options.Threads;
        parameters.BatchThreads = options.Threads;
        // One pool instead of a fixed part a sequence: a prefix is then shared by its cells, without a copy.
        parameters.KvUnified = 1;
        parameters.KeyType = model.HasWideCells ? GgmlTensor.Float32 : GgmlTensor.Float16;
        parameters.ValueType = parameters.KeyType;
        if (model.HasWideCells) parameters.FlashAttentionType = NoFlashAttention;
        if (model.HasOwnAttention)
        {
            Hook = new(options.Threads, options.Exact);
            parameters.EvalCallback = GraphHook.Callback;
            parameters.EvalCallbackUserData = Hook.UserData;
        }

        NativeLog.TakeErrors();
        _handle = Llama.ContextInit(model.Handle, parameters);
        if (_handle.IsInvalid)
        {
            _handle.Dispose();
            Hook?.Dispose();
            throw new RuntimeErrorException(new(
                ReasonCodes.InvalidModelFile,
                $"llama.cpp makes no context for the model: {NativeLog.TakeErrors() ?? "no reason given"}",
                Path.GetFileName(model.Path),
                "Lower the context, the pool or the batch, or give a machine with more memory."));
        }

        _threads = ComputeThreads.Attach(_handle, options.Threads);
        _memory = Llama.Memory(_handle);
        if (model.Window > 0) _window = new(_memory, model.Window, Twins);
        ArchivesPrefixes = model.CanMoveState;
        VocabularySize = model.VocabularySize;
        Capacity = capacity;
        PoolTokens = (int)Llama.ContextCells(_handle);
        if (Hook is not null) Hook.Table = new(PoolTokens, MostSequences);
        _block = AllocateBatch(capacity);
    }

    /// <summary>Sequence ids for requests and the cache; the next one is kept for moving state in and out.</summary>
    public int UsableSequences => (_window is null ? MostSequences : Twins) - 1;

    /// <summary>llama.cpp's masks span every cell up to the highest in use, whose ever it is.</summary>
    public bool ArchivesPrefixes { get; }

    public int VocabularySize { get; }

    /// <summary>The most tokens in one batch.</summary>
    public int Capacity { get; }

    /// <summary>Cells in the pool; llama.cpp may have rounded what was asked for.</summary>
    public int PoolTokens { get; }

    public long AttentionFallbacks => Hook?.Declined ?? 0;

    public int BatchCount => _batch.TokenCount;

    private int Scratch => UsableSequences;

    /// <summary>What has attention computed here; null where llama.cpp computes it.</summary>
    internal GraphHook? Hook { get; }

    public void UseAdapter(string? name)
    {
        if (name == _adapter) return;
        var adapter = name is null ? 0 : _model.AdapterHandle(name);
        var scale = 1f;
        Llama.SetAdapters(_handle, &adapter, name is null ? 0u : 1u, &scale);
        _adapter = name;
    }

    public void ClearBatch() => _batch.TokenCount = 0;

    /// <summary>Adds a token to the batch and returns its index there.</summary>
    public int Add(int token, int position, int sequence, bool output)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(_batch.TokenCount, Capacity);
        var i = _batch.TokenCount;
        _batch.Tokens[i] = token;
        _batch.Positions[i] = position;
        _batch.SequenceIdCounts[i] = 1;
        *_batch.SequenceIds[i] = sequence;
        _batch.Outputs[i] = output ? (sbyte)1 : (sbyte)0;
        _batch.TokenCount++;
        return i;
    }

    /// <summary>Computes the batch: 0 done, 1 no room in the pool, anything else a failure.</summary>
    public int Decode()
    {
        Hook?.Begin(_batch);
        var result = Llama.Decode(_handle, _batch);
        if (result == 0) _window?.Stored(_batch);
        return result;
    }

    /// <summary>The logits at a batch index that asked for output; valid until the next decode.</summary>
    public Span<float> Logits(int index)
    {
        var logits = Llama.Logits(_handle, index);
        return logits is null ? throw new InvalidOperationException("no output was asked for")
            : new(logits, VocabularySize);
    }

    public void Share(int source, int target, int from, int to)
    {
        Llama.SequenceCopy(_memory, source, target, from, to);
        _window?.Shared(source, target, from, to);
        Hook?.Table.Share(source, target, from, to);
    }

    public void Truncate(int sequence, int from)
    {
        Llama.SequenceRemove(_memory, sequence, from, -1);
        _window?.Removed(sequence, from, -1);
        Hook?.Table.Remove(sequence, from, int.MaxValue);
    }

    public void Remove(int sequence, int from, int to)
    {
        Llama.SequenceRemove(_memory, sequence, from, to);
        _window?.Removed(sequence, from, to);
        Hook?.Table.Remove(sequence, from, to);
    }

    public KvBuffer Export(int sequence, int from, int to, Func<int, KvBuffer> allocate)
    {
        Share(sequence, Scratch, from, to);
        try
        {
            var state = allocate(checked((int)Llama.SequenceStateSize(_handle, Scratch, 0)));
            fixed (byte* target = state.Span)
            {
                var written = Llama.SequenceStateGet(_handle, target, (nuint)state.Length, Scratch, 0);
                if (written != (nuint)state.Length)
                    throw new InvalidOperationException(NativeLog.TakeErrors() ?? "the state cannot be exported");
            }

            return state;
        }
        finally
        {
            Truncate(Scratch, 0);
        }
    }

    public bool HoldNumbers(int sequence, int from, int to)
    {
        if (!_model.CanMoveState) return true;
        var state = Export(sequence, from, to, KvBuffer.Rent);
        try
        {
            return KvSegment.HasNumbers(state.Span);
        }
        finally
        {
            state.Return();
        }
    }

    /// <summary>
    /// Puts exported state of [from, to) into a sequence, at the positions at and after <paramref name="keepFrom"/>.
    /// Needs (to - from) free cells. False when llama.cpp refuses it; nothing has changed then.
    /// </summary>
    public bool Import(ReadOnlySpan<byte> state, int sequence, int keepFrom, int to)
    {
        if (_window is not null && !KvSegment.HasWindow(state)) return false;
        try
        {
            fixed (byte* source = state)
            {
                if (Llama.SequenceStateSet(_handle, source, (nuint)state.Length, Scratch, 0) == 0) return false;
            }

            Hook?.Table.Import(Scratch, KvSegment.Positions(state));
            if (Llama.SequenceLastPosition(_memory, Scratch) != to - 1) return false;
            Share(Scratch, sequence, keepFrom, to);
            return true;
        }
        finally
        {
            Truncate(Scratch, 0);
        }
    }

    public void Dispose()
    {
        _handle.Dispose();
        _threads?.Dispose();
        Hook?.Dispose();
        NativeMemory.Free(_block);
    }

    /// <summary>One block for all arrays of the batch, freed as one.</summary>
    private void* AllocateBatch(int capacity)
    {
        var perToken = sizeof(int) + sizeof(int) + sizeof(int) + sizeof(int*) + sizeof(int) + sizeof(sbyte);
        var block = (byte*)NativeMemory.AllocZeroed((nuint)capacity, (nuint)perToken);
        // Pointers first: they need the strictest alignment.
        _batch.SequenceIds = (int**)block;
        var at = block + (capacity * sizeof(int*));
        var ids = (int*)at;
        _batch.Tokens = ids + capacity;
        _batch.Positions = _batch.Tokens + capacity;
        _batch.SequenceIdCounts = _batch.Positions + capacity;
        _batch.Outputs = (sbyte*)(_batch.SequenceIdCounts + capacity);
        for (var i = 0; i < capacity; i++) _batch.SequenceIds[i] = ids + i;
        return block;
    }
}
