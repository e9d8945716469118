using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AgentRuntime.Node.Kernels;

/// <summary>How elements of a matrix become singles in registers, for products that widen as they go.</summary>
internal unsafe interface IMatrixElements
{
    static abstract int Bytes { get; }

    static abstract Vector256<float> Eight(byte* from);

    static abstract Vector512<float> Sixteen(byte* from);
}

/// <summary>Singles, as they are.</summary>
internal unsafe struct SingleElements : IMatrixElements
{
    public static int Bytes => sizeof(float);

    public static Vector256<float> Eight(byte* from) => Vector256.Load((float*)from);

    public static Vector512<float> Sixteen(byte* from) => Vector512.Load((float*)from);
}

/// <summary>BF16: the upper half of a single.</summary>
internal unsafe struct BFloat16Elements : IMatrixElements
{
    public static int Bytes => sizeof(ushort);

    public static Vector256<float> Eight(byte* from) =>
        (Avx2.ConvertToVector256Int32((ushort*)from) << 16).AsSingle();

    public static Vector512<float> Sixteen(byte* from) =>
        (Avx512F.ConvertToVector512Int32(Vector256.Load((ushort*)from)) << 16).AsSingle();
}

/// <summary>Halves, by integers: a single below 2^-126 would be slow to multiply.</summary>
internal unsafe struct HalfElements : IMatrixElements
{
    public static int Bytes => sizeof(short);

    public static Vector256<float> Eight(byte* from) => AttentionMath.Widen8((short*)from);

    public static Vector512<float> Sixteen(byte* from) => AttentionMath.Widen16((short*)from);
}
