using System.Runtime.CompilerServices;
using AgentRuntime.Sandboxes.Wasmtime.Execution;

namespace AgentRuntime.Sandboxes.Wasmtime.Signals;

/// <summary>
/// What a thread must have and keep to run guests: room on its stack, and an alternate signal stack of the size that
/// Wasmtime asks for. Wasmtime would else replace the thread's by its own at the first call and, since release 48, take
/// it away as the thread ends, before the runtime looks for the one that it must free. A thread that ends without <see
/// cref="Leave"/> leaks mappings, because the runtime then frees a part of this stack in place of its own. One object a
/// thread.
/// </summary>
internal sealed unsafe class GuestThread
{
    /// <summary>Kept free below the guest for host functions, which run on the same stack.</summary>
    private const nuint HostBytes = 256 * 1024;

    /// <summary>crates/wasmtime/src/runtime/vm/sys/unix/signals.rs: <c>MIN_STACK_SIZE</c>, the same in all
    /// releases.</summary>
    private const nuint SignalStackBytes = 64 * 4096;

    [ThreadStatic]
    private static GuestThread? _current;

    private readonly nuint _low = Posix.StackLow();
    private SignalStack _own;
    private nint _larger;

    /// <summary>This thread's; null before its first call into a guest.</summary>
    public static GuestThread? Current => _current;

    /// <summary>
    /// The instance whose guest was entered last and has not returned: whoever calls a host function.
    /// </summary>
    public WasmtimeInstance? Running;

    private GuestThread()
    {
        fixed (SignalStack* own = &_own) _ = Posix.SigAltStack(null, own);
        if (_own.Bytes >= SignalStackBytes || (_larger = Posix.MapStack(SignalStackBytes)) == 0) return;
        var larger = new SignalStack { Address = _larger, Bytes = SignalStackBytes };
        _ = Posix.SigAltStack(&larger, null);
    }

    /// <summary>To be called before every call into a guest.</summary>
    /// <exception cref="InvalidOperationException">The thread's stack has not enough room.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GuestThread Enter(nuint guestStackBytes)
    {
        byte here;
        var thread = _current ??= new GuestThread();
        if ((nuint)(&here) - thread._low < guestStackBytes + HostBytes) TooSmall(guestStackBytes);
        return thread;
    }

    /// <summary>Gives the thread its own alternate signal stack back; its last act, or it may enter again.</summary>
    public static void Leave()
    {
        if (_current is not { } thread) return;
        _current = null;
        fixed (SignalStack* own = &thread._own) _ = Posix.SigAltStack(own, null);
        if (thread._larger != 0) Posix.UnmapStack(thread._larger, SignalStackBytes);
    }

    /// <summary>The alternate signal stack of this thread now.</summary>
    public static SignalStack AlternateStack()
    {
        SignalStack now;
        _ = Posix.SigAltStack(null, &now);
        return now;
    }

    private static void TooSmall(nuint guestStackBytes) => throw new InvalidOperationException(
        $"the thread has not {guestStackBytes + HostBytes} bytes of stack left, which a guest and the host functions "
        + "that it calls may need: run guests on a thread with a larger stack");
}
