using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <summary>
/// Ends the loading of a model when that is cancelled: between two tensors llama.cpp asks whether to go on
/// (<c>llama_progress_callback</c>). One for each load, which is over when it is disposed of.
/// </summary>
internal sealed unsafe class LoadStop : IDisposable
{
    private readonly CancellationToken _cancelled;
    private readonly GCHandle _self;

    public LoadStop(CancellationToken cancelled)
    {
        _cancelled = cancelled;
        _self = GCHandle.Alloc(this);
    }

    public static nint Callback => (nint)(delegate* unmanaged[Cdecl]<float, nint, byte>)&GoesOn;

    public nint UserData => GCHandle.ToIntPtr(_self);

    public void Dispose() => _self.Free();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte GoesOn(float progress, nint self)
    {
        try
        {
            return ((LoadStop)GCHandle.FromIntPtr(self).Target!)._cancelled.IsCancellationRequested ? (byte)0 : (byte)1;
        }
        catch (Exception)
        {
            return 1; // An exception must not unwind into native frames.
        }
    }
}
