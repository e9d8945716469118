using System.Runtime.InteropServices;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>Which of ggml's kernels a matrix of weights was laid out for, by the name of its buffer.</summary>
internal static unsafe class WeightBuffer
{
    /// <summary>Rows that were interleaved (repack.cpp).</summary>
    public static bool IsRepacked(GgmlTensor* matrix) => IsNamed(matrix, "CPU_REPACK"u8);

    /// <summary>
    /// The processor's matrix tiles (amx/mmq.cpp), which compute a vector with the same sums alone and among others.
    /// </summary>
    public static bool IsOfTiles(GgmlTensor* matrix) => IsNamed(matrix, "AMX"u8);

    private static bool IsNamed(GgmlTensor* matrix, ReadOnlySpan<byte> name) => matrix->Buffer != 0
        && MemoryMarshal.CreateReadOnlySpanFromNullTerminated(Ggml.BufferName(matrix->Buffer)).SequenceEqual(name);
}
