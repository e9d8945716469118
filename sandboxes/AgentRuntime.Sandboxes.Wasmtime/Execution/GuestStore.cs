using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Native;
using Microsoft.Win32.SafeHandles;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>
/// A <c>wasmtime_store_t</c> with its limits, and the way from its epoch back to the instance that owns it: a weak
/// handle, so that a forgotten instance is collected and its store with it. One thread at a time.
/// </summary>
internal sealed unsafe class GuestStore : SafeHandleZeroOrMinusOneIsInvalid
{
    private GCHandle _owner;

    public GuestStore(NativeEngine engine, WasmtimeInstance owner, InstanceLimits limits)
        : base(ownsHandle: true)
    {
        _owner = GCHandle.Alloc(owner, GCHandleType.Weak);
        SetHandle(Api.StoreNew(engine.Handle, 0, 0));
        Context = Api.StoreContext(handle);
        Api.StoreLimiter(handle, limits.MaxMemoryBytes, limits.MaxTableElements, -1, -1, -1);
        Api.StoreEpochCallback(handle, &OnEpoch, GCHandle.ToIntPtr(_owner), 0);
        Api.ContextSetEpochDeadline(Context, 1);
    }

    public nint Context { get; }

    protected override bool ReleaseHandle()
    {
        Api.StoreDelete(handle);
        _owner.Free();
        return true;
    }

    // On the guest's thread, at the first loop head or call after the epoch was incremented.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint OnEpoch(nint context, nint data, ulong* delta, byte* kind)
    {
        try
        {
            *delta = 1;
            if (GCHandle.FromIntPtr(data).Target is WasmtimeInstance owner && owner.MayGoOn()) return 0;
        }
        catch (Exception)
        {
            // Nothing may leave through the library's frames; the guest ends.
        }

        fixed (byte* message = "interrupted\0"u8) return Api.ErrorNew(message);
    }
}
