using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// Has a llama.cpp context compute its attention with <see cref="AttentionKernel"/> and its products whose bits would
/// depend on how many vectors there are with <see cref="VectorProduct"/>, <see cref="WidenedProduct"/>,
/// <see cref="RepackedProduct"/> and <see cref="PanelProduct"/> (decision 0310). llama.cpp shows every node of a graph
/// before it is computed (<c>cb_eval</c>, meant for debugging); such a node becomes a custom operation here. Owned by
/// the engine's thread; the kernels run on ggml's.
/// </summary>
internal sealed unsafe class GraphHook : IDisposable
{
    /// <summary>
    /// Where a custom operation keeps the parameters of what it was, in 32-bit words: behind what ggml itself reads.
    /// </summary>
    public const int SavedParameters = 8;

    /// <summary>Where attention has the number of its plan.</summary>
    public const int PlanParameter = SavedParameters + SavedCount;

    private const int SavedCount = 5;

    /// <summary>
    /// Plans of a part of a batch: layers that see everything and those with a window have masks of their own, and some
    /// models have layers with more heads for each that they share keys with than others.
    /// </summary>
    private const int MostPlans = 4;

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

    private static readonly nint Widened =
        (nint)(delegate* unmanaged[Cdecl]<GgmlTensor*, int, int, KernelWork*, void>)&WidenedProduct.Compute;

    private readonly int _threads;
    private readonly bool _exact;
    private readonly KernelWork* _work;
    private readonly GCHandle _self;
    private LlamaBatch _batch;
    private readonly GgmlTensor*[] _masks = new GgmlTensor*[MostPlans];
    private readonly long[] _groups = new long[MostPlans];
    private readonly bool[] _ours = new bool[MostPlans];
    private int _rowCapacity;
    private long _sharedBytes;
    private GgmlTensor* _firstKeys;
    private int _done;
    private int _rows;
    private int _plans;

    public GraphHook(int threads, bool exact)
    {
        _exact = exact;
        _threads = threads;
        _work = (KernelWork*)NativeMemory.AllocZeroed((nuint)sizeof(KernelWork));
        _work->Plans = (AttentionPlan*)NativeMemory.AllocZeroed(MostPlans, (nuint)sizeof(AttentionPlan));
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
        _done = _rows = _plans = 0;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_work->Scratch);
        for (var i = 0; i < MostPlans; i++)
        {
            NativeMemory.Free(_work->Plans[i].Rows);
            NativeMemory.Free(_work->Plans[i].TileList);
        }

        NativeMemory.Free(_work->Plans);
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
            else if (WidenedProduct.Computes(node))
                Take(node, Widened, WidenedProduct.ScratchBytes(node), WidenedProduct.SharedBytes(node));
            else if (RepackedProduct.Function(node) is var repacked and not 0)
                Take(node, repacked, 0, RepackedProduct.SharedBytes(node));
            else if (PanelProduct.Function(node, _exact) is var panel and not 0)
                Take(node, panel, 0, PanelProduct.SharedBytes(node));
            return;
        }

        if (node->Operation == Custom && *(nint*)node->Parameters != Attention) return;

        var plan = PlanOf(node);
        if (node->Operation == FlashAttention && plan >= 0 && AttentionKernel.Computes(node))
            Take(node, Attention, AttentionKernel.ScratchBytes(node));
        else if (node->Operation == Custom && plan < 0) GiveBack(node);
        if (node->Operation == Custom) node->Parameters[PlanParameter] = plan;
    }

    /// <summary>The number of the plan for a node of attention; -1 where llama.cpp computes it.</summary>
    private int PlanOf(GgmlTensor* node)
    {
        var mask = node->Source(3);
        var group = node->Source(0)->Counts[2] / node->Source(1)->Counts[2];
        for (var i = 0; i < _plans; i++)
            if (_masks[i] == mask && _groups[i] == group)
                return _ours[i] ? i : -1;
        if (_plans == MostPlans)
        {
            Declined++;
            return -1;
        }

        var plan = _plans++;
        _masks[plan] = mask;
        _groups[plan] = group;
        _ours[plan] = (node->Operation == Custom || AttentionKernel.Computes(node)) && Plan(node, _work->Plans + plan);
        if (_ours[plan]) Computed++;
        else Declined++;
        return _ours[plan] ? plan : -1;
    }

    private void SeeStored(GgmlTensor* cells)
    {
        _done += _rows;
        _rows = (int)cells->Counts[0];
        _plans = 0;
        if (cells->Type != Integer64 || _done + _rows > _batch.TokenCount) return;
        for (var i = 0; i < _rows; i++)
            Table.Store(*_batch.SequenceIds[_done + i], _batch.Positions[_done + i], (int)((long*)cells->Data)[i]);
    }

    /// <summary>Lists what each row sees; false when that is not what the mask says.</summary>
    private bool Plan(GgmlTensor* node, AttentionPlan* plan)
    {
        GgmlTensor* q = node->Source(0), k = node->Source(1), mask = node->Source(3);
        if (q->Counts[1] != _rows || _done + _rows > _batch.TokenCount) return false;
        Reserve(_rows);
        var most = AttentionKernel.MostRows / (int)(q->Counts[2] / k->Counts[2]);
        plan->Tiles = 0;
        plan->MostTileRows = 1;
        for (var r = 0; r < _rows; r++)
        {
            int sequence = *_batch.SequenceIds[_done + r], position = _batch.Positions[_done + r];
            var cells = Table.Cells(sequence);
            if (position >= cells.Length) return false;
            cells = cells[..(position + 1)];
            var from = FirstSeen(new(mask->Data + (r * mask->Strides[1]), (int)k->Counts[1]), cells);
            if (from < 0) return false;
            plan->Rows[r].Cells = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(cells));
            plan->Rows[r].From = from;
            plan->Rows[r].Count = position + 1;
            var tile = plan->TileList + plan->Tiles - 1;
            if (plan->Tiles > 0 && tile->Count < most && *_batch.SequenceIds[_done + r - 1] == sequence
                && _batch.Positions[_done + r - 1] == position - 1 && from >= plan->Rows[r - 1].From)
            {
                plan->MostTileRows = Math.Max(plan->MostTileRows, ++tile->Count);
                continue;
            }

            plan->TileList[plan->Tiles++] = new() { First = r, Count = 1 };
        }

        return true;
    }

    private void Reserve(int rows)
    {
        if (rows <= _rowCapacity) return;
        _rowCapacity = rows;
        for (var i = 0; i < MostPlans; i++)
        {
            var plan = _work->Plans + i;
            plan->Rows = (SeenCells*)NativeMemory.Realloc(plan->Rows, (nuint)(rows * sizeof(SeenCells)));
            plan->TileList = (RowTile*)NativeMemory.Realloc(plan->TileList, (nuint)(rows * sizeof(RowTile)));
        }
    }

    /// <summary>
    /// The first position that a row sees: of a sequence's cells the mask shows the last ones and no others. Negative
    /// where it shows something else, or where a cell is unknown that is read with them.
    /// </summary>
    private static int FirstSeen(ReadOnlySpan<ushort> mask, ReadOnlySpan<int> cells)
    {
        var from = cells.Length - (mask.Length - mask.Count(Hidden));
        if (from < 0 || from == cells.Length) return -1;
        foreach (var cell in cells[from..])
            if ((uint)cell >= (uint)mask.Length || mask[cell] == Hidden)
                return -1;
        foreach (var cell in cells[(from & -AttentionMath.Tile)..from])
            if ((uint)cell >= (uint)mask.Length)
                return -1;
        return from;
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
