using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <summary><c>ggml_tensor</c> of ggml.h (llama.cpp v0.5.0): up to four dimensions, sizes in elements.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GgmlTensor
{
    /// <summary>GGML_TYPE_F32.</summary>
    public const int Float32 = 0;

    /// <summary>GGML_TYPE_F16.</summary>
    public const int Float16 = 1;

    /// <summary>GGML_TYPE_Q2_K.</summary>
    public const int Q2K = 10;

    /// <summary>GGML_TYPE_Q4_K.</summary>
    public const int Q4K = 12;

    /// <summary>GGML_TYPE_IQ4_XS.</summary>
    public const int IQ4XS = 23;

    /// <summary>GGML_TYPE_BF16.</summary>
    public const int BFloat16 = 30;

    public int Type;
    public nint Buffer;

    /// <summary>Elements of each dimension, the innermost first.</summary>
    public fixed long Counts[4];

    /// <summary>Bytes from one element of a dimension to the next.</summary>
    public fixed long Strides[4];

    public int Operation;
    public fixed int Parameters[16];
    public int Flags;
    public fixed long Sources[10];
    public nint ViewSource;
    public nuint ViewOffset;
    public byte* Data;
    public fixed byte Name[64];
    public nint Extra;
    private fixed byte _padding[8];

    /// <summary>
    /// Whether this is one matrix times vectors of single floats whose elements lie side by side: what the products of
    /// our own compute.
    /// </summary>
    public readonly bool IsPlainProduct
    {
        get
        {
            GgmlTensor* matrix = Source(0), vectors = Source(1);
            return vectors->Type == Float32 && vectors->Strides[0] == sizeof(float)
                && vectors->Counts[2] == 1 && vectors->Counts[3] == 1
                && matrix->Counts[2] == 1 && matrix->Counts[3] == 1;
        }
    }

    /// <summary>What the operation reads; null beyond the last.</summary>
    public readonly GgmlTensor* Source(int index) => (GgmlTensor*)Sources[index];
}
