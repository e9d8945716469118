using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// Has a llama.cpp context compute its attention with <see cref="AttentionKernel"/> and its products whose bits would
/// depend on how many vectors there are with <see cref="VectorProduct"/>, <see cref="RepackedProduct"/> and
/// <see cref="PanelProduct"/> (decision 0310). llama.cpp shows every node of a graph before it is computed
/// (<c>cb_eval</c>, meant for debugging); such a node becomes a custom operation here. Owned by the engine's thread;
/// the kernels run on ggml's.
/// </summary>
internal sealed unsafe class GraphHook : IDisposable
{
    /// <summary>Where a custom operation keeps its scale, in 32-bit words: behind what ggml itself reads.</summary>
    public const int ScaleParameter = SavedParameters;

    private const int SavedParameters = 8;
    private const int SavedCount = 5;
    private const int Integer64 = 27;
    private const int AllThreads = -1;
    private const ushort Hidden = 0xfc00;

    private static readonly int FlashAttention = Operation("FLASH_ATTN_EXT");
    private static readonly int SetRows = Operation("SET_ROWS");
    private static readonly int Product = Operation("MUL_MAT");
    private static readonly int Custom = Operation("CUSTOM");
    private static readonly nint Attention =
        (nint)(delegate* unmanaged[Cdecl]<GgmlTensor*, int, int, KernelWork*, void>)&AttentionKernel.Compute;
    private static readonly nint Vector =
        (nint)(delegate* unmanaged[Cdecl]<GgmlTensor*, int, int, KernelWork*, void>)&VectorProduct.Compute;

    private readonly int _threads;
    private readonly bool _exact;
    private readonly KernelWork* _work;
    private readonly GCHandle _self;
    private LlamaBatch _batch;
    private int _rowCapacity;
    private long _sharedBytes;
    private GgmlTensor* _firstKeys;
    private int _done;
    private int _rows;
    private bool _planned;
    private bool _ours;

    public GraphHook(int threads, bool exact)
    {
        _exact = exact;
        _threads = threads;
        _work = (KernelWork*)NativeMemory.AllocZeroed((nuint)sizeof(KernelWork));
        _self = GCHandle.Alloc(this, GCHandleType.Weak);
    }

    public static nint Callback => (nint)(delegate* unmanaged[Cdecl]<GgmlTensor*, byte, nint, byte>)&Ask;

    /// <summary>Where llama.cpp keeps what; set before the first batch.</summary>
    public CellTable Table { get; set; } = new(0, 0);

    public nint UserData => GCHandle.ToIntPtr(_self);

    /// <summary>Parts of batches whose attention llama.cpp computed itself.</summary>
    public long Declined { get; private set; }

    /// <summary>Parts of batches whose attention was computed here.</summary>
    public long Computed { get; private set; }

    /// <summary>The batch that is computed next.</summary>
    public void Begin(LlamaBatch batch)
    {
        _batch = batch;
        _done = _rows = 0;
        _ours = false;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_work->Scratch);
        NativeMemory.Free(_work->Rows);
        NativeMemory.Free(_work->TileList);
        NativeMemory.Free(_work);
        _self.Free();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte Ask(GgmlTensor* node, byte ask, nint self)
    {
        var operation = node->Operation;
        if (ask == 1 && (operation == FlashAttention || operation == SetRows || operation == Custom
                || operation == Product))
            ((GraphHook)GCHandle.FromIntPtr(self).Target!).See(node);
        return 0;
    }

    private void See(GgmlTensor* node)
    {
        if (node->Operation == SetRows)
        {
            // The first layer's keys: every part of a batch stores them once, before it reads them.
            if (_firstKeys is null) _firstKeys = node->Source(2);
            if (node->Source(2) == _firstKeys) SeeStored(node->Source(1));
            return;
        }

        if (node->Operation == Product)
        {
            if (VectorProduct.Computes(node))
                Take(node, Vector, VectorProduct.ScratchBytes(node));
            else if (RepackedProduct.Function(node) is var repacked and not 0)
                Take(node, repacked, 0, RepackedProduct.SharedBytes(node));
            else if (PanelProduct.Function(node, _exact) is var panel and not 0)
                Take(node, panel, 0, PanelProduct.SharedBytes(node));
            return;
        }

        if (node->Operation == Custom && *(nint*)node->Parameters != Attention) return;

        if (!_planned)
        {
            _planned = true;
            _ours = node->Operation == Custom ? Plan(node) : AttentionKernel.Computes(node) && Plan(node);
            if (_ours) Computed++;
            else Declined++;
        }

        if (node->Operation == FlashAttention && _ours && AttentionKernel.Computes(node))
            Take(node, Attention, AttentionKernel.ScratchBytes(node));
        else if (node->Operation == Custom && !_ours) GiveBack(node);
    }

    private void SeeStored(GgmlTensor* cells)
    {
        _done += _rows;
        _rows = (int)cells->Counts[0];
        _planned = false;
        if (cells->Type != Integer64 || _done + _rows > _batch.TokenCount) return;
        for (var i = 0; i < _rows; i++)
            Table.Store(*_batch.SequenceIds[_done + i], _batch.Positions[_done + i], (int)((long*)cells->Data)[i]);
    }

    /// <summary>Lists what each row sees; false when that is not what the mask says.</summary>
    private bool Plan(GgmlTensor* node)
    {
        GgmlTensor* q = node->Source(0), k = node->Source(1), mask = node->Source(3);
        if (q->Counts[1] != _rows || _done + _rows > _batch.TokenCount) return false;
        if (_rows > _rowCapacity)
        {
            _rowCapacity = _rows;
            _work->Rows = (SeenCells*)NativeMemory.Realloc(_work->Rows, (nuint)(_rows * sizeof(SeenCells)));
            _work->TileList = (RowTile*)NativeMemory.Realloc(_work->TileList, (nuint)(_rows * sizeof(RowTile)));
        }

        var most = AttentionKernel.MostRows / (int)(q->Counts[2] / k->Counts[2]);
        _work->Tiles = 0;
        _work->MostTileRows = 1;
        for (var r = 0; r < _rows; r++)
        {
            int sequence = *_batch.SequenceIds[_done + r], position = _batch.Positions[_done + r];
            var cells = Table.Cells(sequence);
            if (position >= cells.Length) return false;
            cells = cells[..(position + 1)];
            if (!Agrees(new(mask->Data + (r * mask->Strides[1]), (int)k->Counts[1]), cells)) return false;
            _work->Rows[r].Cells = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(cells));
            _work->Rows[r].Count = position + 1;
            var tile = _work->TileList + _work->Tiles - 1;
            if (_work->Tiles > 0 && tile->Count < most && *_batch.SequenceIds[_done + r - 1] == sequence
                && _batch.Positions[_done + r - 1] == position - 1)
            {
                _work->MostTileRows = Math.Max(_work->MostTileRows, ++tile->Count);
                continue;
            }

            _work->TileList[_work->Tiles++] = new() { First = r, Count = 1 };
        }

        return true;
    }

    private static bool Agrees(ReadOnlySpan<ushort> mask, ReadOnlySpan<int> cells)
    {
        foreach (var cell in cells)
            if ((uint)cell >= (uint)mask.Length || mask[cell] == Hidden)
                return false;
        return mask.Length - mask.Count(Hidden) == cells.Length;
    }

    private void Take(GgmlTensor* node, nint function, long bytesPerThread, long sharedBytes = 0)
    {
        if (bytesPerThread > _work->BytesPerThread || sharedBytes > _sharedBytes)
        {
            _work->BytesPerThread = Math.Max(bytesPerThread, _work->BytesPerThread);
            _sharedBytes = Math.Max(sharedBytes, _sharedBytes);
            var own = _work->BytesPerThread * _threads;
            NativeMemory.AlignedFree(_work->Scratch);
            _work->Scratch = (byte*)NativeMemory.AlignedAlloc((nuint)(own + _sharedBytes), 128);
            _work->Shared = _work->Scratch + own;
        }

        for (var i = 0; i < SavedCount; i++) node->Parameters[SavedParameters + i] = node->Parameters[i];
        var words = node->Parameters;
        *(nint*)words = function;
        words[2] = AllThreads;
        *(nint*)(words + 4) = (nint)_work;
        node->Operation = Custom;
    }

    /// <summary>A graph that is used again has the node as it was left.</summary>
    private static void GiveBack(GgmlTensor* node)
    {
        for (var i = 0; i < SavedCount; i++) node->Parameters[i] = node->Parameters[SavedParameters + i];
        node->Operation = FlashAttention;
    }

    private static int Operation(string name)
    {
        for (var i = 0; Marshal.PtrToStringUTF8((nint)Ggml.OperationName(i)) is { } found && i < 256; i++)
            if (found == name)
                return i;
        throw new NotSupportedException($"ggml has no operation {name}");
    }
}
