namespace AgentRuntime.Node.Interop;

/// <summary>
/// Owns a <c>ggml_threadpool</c>. Without one ggml starts and ends its threads at every pass of the model. Freed after
/// the context that it is attached to.
/// </summary>
internal sealed unsafe class ComputeThreads : IDisposable
{
    private readonly delegate* unmanaged[Cdecl]<nint, void> _free;
    private nint _pool;

    private ComputeThreads(nint pool, delegate* unmanaged[Cdecl]<nint, void> free)
    {
        _pool = pool;
        _free = free;
    }

    /// <summary>Starts threads and gives them to a context; null where the CPU backend has no such pools.</summary>
    public static ComputeThreads? Attach(ContextHandle context, int threads)
    {
        var device = Ggml.DeviceByType(Ggml.CpuDevice);
        if (device == 0) return null;
        var registry = Ggml.DeviceRegistry(device);
        nint create, free;
        fixed (byte* name = "ggml_threadpool_new\0"u8) create = Ggml.BackendFunction(registry, name);
        fixed (byte* name = "ggml_threadpool_free\0"u8) free = Ggml.BackendFunction(registry, name);
        if (create == 0 || free == 0) return null;
        var parameters = Ggml.ThreadPoolDefaults(threads);
        var pool = ((delegate* unmanaged[Cdecl]<GgmlThreadPoolParams*, nint>)create)(&parameters);
        if (pool == 0) return null;
        Llama.AttachThreads(context, pool, 0);
        return new(pool, (delegate* unmanaged[Cdecl]<nint, void>)free);
    }

    public void Dispose()
    {
        if (_pool != 0) _free(_pool);
        _pool = 0;
    }
}
