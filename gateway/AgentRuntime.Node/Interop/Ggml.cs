using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <summary>The functions of ggml-backend.h and ggml.h that threads and devices need (llama.cpp v0.5.0).</summary>
internal static unsafe partial class Ggml
{
    /// <summary>GGML_BACKEND_DEVICE_TYPE_CPU.</summary>
    public const int CpuDevice = 0;

    /// <summary>GGML_BACKEND_DEVICE_TYPE_GPU.</summary>
    public const int GpuDevice = 1;

    /// <summary>GGML_BACKEND_DEVICE_TYPE_IGPU: memory shared with the host.</summary>
    public const int SharedGpu = 2;

    private const string Lib = LlamaLibrary.GgmlName;

    [LibraryImport(Lib, EntryPoint = "ggml_backend_load_all_from_path")]
    public static partial void LoadBackends(byte* folder);

    [LibraryImport(Lib, EntryPoint = "ggml_backend_dev_by_type")]
    public static partial nint DeviceByType(int type);

    [LibraryImport(Lib, EntryPoint = "ggml_backend_dev_count")]
    public static partial nuint DeviceCount();

    [LibraryImport(Lib, EntryPoint = "ggml_backend_dev_get")]
    public static partial nint Device(nuint index);

    [LibraryImport(Lib, EntryPoint = "ggml_backend_dev_type")]
    public static partial int DeviceType(nint device);

    /// <summary>Makes a device ready; 0 when it does not start.</summary>
    [LibraryImport(Lib, EntryPoint = "ggml_backend_dev_init")]
    public static partial nint StartDevice(nint device, byte* parameters);

    [LibraryImport(Lib, EntryPoint = "ggml_backend_free")]
    public static partial void FreeBackend(nint backend);

    [LibraryImport(Lib, EntryPoint = "ggml_backend_dev_backend_reg")]
    public static partial nint DeviceRegistry(nint device);

    /// <summary>Functions of a backend that only it has; 0 when it lacks one.</summary>
    [LibraryImport(Lib, EntryPoint = "ggml_backend_reg_get_proc_address")]
    public static partial nint BackendFunction(nint registry, byte* name);

    /// <summary>The name of an operation by its number, which differs between versions.</summary>
    [LibraryImport(Lib, EntryPoint = "ggml_op_name")]
    public static partial byte* OperationName(int operation);

    /// <summary>Bytes of a <c>ggml_tensor</c> and of the <c>ggml_object</c> (32) before it.</summary>
    [LibraryImport(Lib, EntryPoint = "ggml_tensor_overhead")]
    public static partial nuint TensorOverhead();

    /// <summary>The name of the kind of memory that a tensor lies in.</summary>
    [LibraryImport(Lib, EntryPoint = "ggml_backend_buffer_name")]
    public static partial byte* BufferName(nint buffer);

    [LibraryImport(Lib, EntryPoint = "ggml_threadpool_params_init")]
    private static partial void ThreadPoolDefaults(GgmlThreadPoolParams* parameters, int threads);

    public static GgmlThreadPoolParams ThreadPoolDefaults(int threads)
    {
        GgmlThreadPoolParams parameters;
        ThreadPoolDefaults(&parameters, threads);
        return parameters;
    }
}

/// <summary><c>ggml_threadpool_params</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GgmlThreadPoolParams
{
    public fixed byte CpuMask[512];
    public int Threads;
    public int Priority;
    public uint Poll;
    public byte StrictCpu;
    public byte Paused;
}
