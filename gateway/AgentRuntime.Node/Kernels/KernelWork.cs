using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Kernels;

/// <summary>The cells that a query row sees, in the order of their positions.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SeenCells
{
    public int* Cells;
    public int Count;
}

/// <summary>Rows next to each other of one sequence, each of which sees one cell more than the one before.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RowTile
{
    public int First;
    public int Count;
}

/// <summary>What the threads that compute a node share; unmanaged, as ggml hands it to them by address.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KernelWork
{
    /// <summary>The next item; every thread takes one beyond the last, and the last of them sets it to 0.</summary>
    public int Next;
    public int Tiles;

    /// <summary>Rows of the largest tile.</summary>
    public int MostTileRows;
    public SeenCells* Rows;
    public RowTile* TileList;
    public long BytesPerThread;
    public byte* Scratch;
}
