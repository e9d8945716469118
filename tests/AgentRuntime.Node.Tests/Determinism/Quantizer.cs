using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Tests.Determinism;

/// <summary>libllama's own quantizer, for files as people serve them.</summary>
internal static unsafe class Quantizer
{
    /// <summary>LLAMA_FTYPE_MOSTLY_Q4_0.</summary>
    public const int Q4 = 2;

    /// <summary>LLAMA_FTYPE_MOSTLY_Q8_0.</summary>
    public const int Q8 = 7;

    /// <summary>LLAMA_FTYPE_MOSTLY_Q2_K: Q2_K and Q3_K.</summary>
    public const int Q2K = 10;

    /// <summary>LLAMA_FTYPE_MOSTLY_IQ3_S.</summary>
    public const int IQ3S = 26;

    /// <summary>LLAMA_FTYPE_MOSTLY_IQ4_XS: IQ4_XS and Q5_K.</summary>
    public const int IQ4XS = 30;

    /// <summary>LLAMA_FTYPE_MOSTLY_Q4_K_M: Q4_K and Q6_K.</summary>
    public const int Q4K = 15;

    /// <summary>LLAMA_FTYPE_MOSTLY_BF16.</summary>
    public const int BFloat16 = 32;

    public static string Write(string source, int type)
    {
        DemoNode.LoadLibrary();
        // It is loaded: this finds it again by its name.
        var library = NativeLibrary.Load("libllama.v0.5.0.so");
        var defaults = (delegate* unmanaged[Cdecl]<Parameters>)NativeLibrary.GetExport(
            library, "llama_model_quantize_default_params");
        var quantize = (delegate* unmanaged[Cdecl]<byte*, byte*, Parameters*, uint>)NativeLibrary.GetExport(
            library, "llama_model_quantize");
        var target = $"{source}.{type}";
        var parameters = defaults();
        parameters.FileType = type;
        var from = Marshal.StringToCoTaskMemUTF8(source);
        var to = Marshal.StringToCoTaskMemUTF8(target);
        Assert.Equal(0u, quantize((byte*)from, (byte*)to, &parameters));
        Marshal.FreeCoTaskMem(from);
        Marshal.FreeCoTaskMem(to);
        return target;
    }

    /// <summary><c>llama_model_quantize_params</c> of llama.h v0.5.0.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        public int Threads;
        public int FileType;
        public int OutputType;
        public int EmbeddingType;
        private fixed byte _flags[6];
        private fixed long _pointers[4];
        private readonly nuint _mostBuffer;
    }
}
