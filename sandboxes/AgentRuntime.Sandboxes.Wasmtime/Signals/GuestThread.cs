using System.Runtime.CompilerServices;

namespace AgentRuntime.Sandboxes.Wasmtime.Signals;

/// <summary>
/// What a thread must have and keep to run guests: room on its stack, and its own alternate signal stack, which
/// Wasmtime replaces by a larger one at the first call. A thread that ends without <see cref="Leave"/> leaks two
/// mappings, because the runtime then frees Wasmtime's stack in place of its own. One object a thread.
/// </summary>
internal sealed unsafe class GuestThread
{
    /// <summary>Kept free below the guest for host functions, which run on the same stack.</summary>
    private const nuint HostBytes = 256 * 1024;

    [ThreadStatic]
    private static GuestThread? _current;

    private readonly nuint _low = Posix.StackLow();
    private SignalStack _own;

    private GuestThread()
    {
        fixed (SignalStack* own = &_own) _ = Posix.SigAltStack(null, own);
    }

    /// <summary>To be called before every call into a guest.</summary>
    /// <exception cref="InvalidOperationException">The thread's stack has not enough room.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Enter(nuint guestStackBytes)
    {
        byte here;
        var thread = _current ??= new GuestThread();
        if ((nuint)(&here) - thread._low < guestStackBytes + HostBytes) TooSmall(guestStackBytes);
    }

    /// <summary>Gives the thread its own alternate signal stack back; its last act, or it may enter again.</summary>
    public static void Leave()
    {
        if (_current is not { } thread) return;
        _current = null;
        fixed (SignalStack* own = &thread._own) _ = Posix.SigAltStack(own, null);
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
