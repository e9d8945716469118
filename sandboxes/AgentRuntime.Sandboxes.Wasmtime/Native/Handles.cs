using Microsoft.Win32.SafeHandles;

namespace AgentRuntime.Sandboxes.Wasmtime.Native;

// What is owned. The library counts references inside: a store keeps its engine and modules alive, so these may be
// released in any order.

/// <summary>A <c>wasm_engine_t</c>.</summary>
internal sealed class EngineHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public EngineHandle(nint engine)
        : base(ownsHandle: true) => SetHandle(engine);

    /// <summary>The engine, for the epoch alone, which is incremented far too often for a reference count.</summary>
    public nint Address => handle;

    protected override bool ReleaseHandle()
    {
        Api.EngineDelete(handle);
        return true;
    }
}

/// <summary>A <c>wasmtime_module_t</c>.</summary>
internal sealed class CodeHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public CodeHandle(nint module)
        : base(ownsHandle: true) => SetHandle(module);

    protected override bool ReleaseHandle()
    {
        Api.ModuleDelete(handle);
        return true;
    }
}

/// <summary>A <c>wasmtime_instance_pre_t</c>: a module linked to host functions, ready for any store.</summary>
internal sealed class InstancePreHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public InstancePreHandle(nint instancePre)
        : base(ownsHandle: true) => SetHandle(instancePre);

    protected override bool ReleaseHandle()
    {
        Api.InstancePreDelete(handle);
        return true;
    }
}
