using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <summary>
/// ggml's library for this processor: it comes in one for each generation of them, of which the best that runs is
/// loaded. Thread-safe, once llama.cpp is loaded.
/// </summary>
internal static unsafe class CpuBackend
{
    private static readonly nint Registry = Ggml.DeviceRegistry(Ggml.DeviceByType(Ggml.CpuDevice));
    private static readonly nint FeaturesFunction = FindFeatures();
    private static readonly HashSet<string> Features = ReadFeatures();
    private static readonly nint Library = FindLibrary();

    /// <summary>Single floats that it multiplies side by side: 16, 8, or 0 where that is not known.</summary>
    public static int FloatLanes { get; } =
        Features.Contains("AVX512") ? 16 : Features.Contains("AVX2") && Features.Contains("FMA") ? 8 : 0;

    /// <summary>Whether it multiplies BF16 in pairs (<c>VDPBF16PS</c>).</summary>
    public static bool HasBFloat16Pairs { get; } = Features.Contains("AVX512_BF16");

    /// <summary>A function that the library exports besides what ggml's headers name; 0 where it does not.</summary>
    public static nint Function(string name) =>
        Library != 0 && NativeLibrary.TryGetExport(Library, name, out var address) ? address : 0;

    private static nint FindFeatures()
    {
        fixed (byte* name = "ggml_backend_get_features\0"u8) return Ggml.BackendFunction(Registry, name);
    }

    private static HashSet<string> ReadFeatures()
    {
        HashSet<string> found = [];
        if (FeaturesFunction == 0) return found;
        var features = ((delegate* unmanaged[Cdecl]<nint, Feature*>)FeaturesFunction)(Registry);
        for (; features->Name != 0; features++)
            if (Marshal.PtrToStringUTF8(features->Value) == "1")
                found.Add(Marshal.PtrToStringUTF8(features->Name)!);
        return found;
    }

    /// <summary>The file whose function answers; others of its kind may be loaded too.</summary>
    private static nint FindLibrary()
    {
        using var process = Process.GetCurrentProcess();
        foreach (ProcessModule module in process.Modules)
            if (FeaturesFunction >= module.BaseAddress
                && FeaturesFunction < module.BaseAddress + module.ModuleMemorySize
                && NativeLibrary.TryLoad(module.FileName, out var library))
                return library;
        return 0;
    }

    /// <summary><c>ggml_backend_feature</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Feature
    {
        public nint Name;
        public nint Value;
    }
}
