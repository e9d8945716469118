using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// The cells of a query row's sequence in the order of their positions, of which it sees those at [From, Count).
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SeenCells
{
    public int* Cells;
    public int From;
    public int Count;
}

/// <summary>Rows next to each other of one sequence, each one position further than the one before.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RowTile
{
    public int First;
    public int Count;
}

/// <summary>What the rows of a part of a batch see in the layers that have the same mask; unmanaged.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AttentionPlan
{
    public int Tiles;

    /// <summary>Rows of the largest tile.</summary>
    public int MostTileRows;
    public SeenCells* Rows;
    public RowTile* TileList;
}

/// <summary>What the threads that compute a node share; unmanaged, as ggml hands it to them by address.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KernelWork
{
    private int _next;
    private int _met;
    private int _meeting;

    /// <summary>By the number that a node of attention carries.</summary>
    public AttentionPlan* Plans;
    public long BytesPerThread;

    /// <summary>A part for each thread, and then what they share.</summary>
    public byte* Scratch;
    public byte* Shared;

    /// <summary>
    /// Takes the next item of a node for a thread; false when there is none left. Every thread asks until then, so that
    /// the last to be told makes this ready for the next node.
    /// </summary>
    public bool Take(int items, int threads, out int item)
    {
        item = Interlocked.Increment(ref _next) - 1;
        if (item < items) return true;
        if (item == items + threads - 1) Volatile.Write(ref _next, 0);
        return false;
    }

    /// <summary>Waits until every thread of a node is here.</summary>
    public void Meet(int threads)
    {
        var meeting = Volatile.Read(ref _meeting);
        if (Interlocked.Increment(ref _met) == threads)
        {
            _met = 0;
            Volatile.Write(ref _meeting, meeting + 1);
            return;
        }

        var spinner = new SpinWait();
        while (Volatile.Read(ref _meeting) == meeting) spinner.SpinOnce(sleep1Threshold: -1);
    }
}
