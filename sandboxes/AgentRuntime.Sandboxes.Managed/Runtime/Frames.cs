using System.Runtime.CompilerServices;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>What emitted code does at function entries and loop heads: depth, stack, epoch and fuel.</summary>
internal static class Frames
{
    /// <summary>The entry of a function that calls: depth is an argument that counts down, stack an address
    /// compared.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Enter(ManagedInstance instance, int depth, int at)
    {
        EnterUnwatched(instance, depth, at);
        Epoch(instance, at);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void EnterUnwatched(ManagedInstance instance, int depth, int at)
    {
        if (depth <= 0) Traps.StackExhausted(at);
        if (StackGuard.Here() < instance.StackLimit) Traps.StackExhausted(at);
    }

    /// <summary>Before a function whose frame may be large is entered: its frame must fit as a whole.</summary>
    public static void EnsureStack(ManagedInstance instance, int frameBytes, int at)
    {
        var here = StackGuard.Here();
        if (here < instance.StackLimit || here - instance.StackLimit < (nuint)frameBytes) Traps.StackExhausted(at);
    }

    /// <summary>One volatile read; what is pending always traps, so nothing is kept alive across the cold
    /// call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Epoch(ManagedInstance instance, int at)
    {
        var pending = Volatile.Read(ref instance.Pending);
        if (pending != 0) Traps.Interrupted(pending, at);
    }

    /// <summary>Charges the instructions of a straight run before its last, so that the count is
    /// deterministic.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Charge(ManagedInstance instance, int instructions, int at)
    {
        if ((instance.Fuel -= instructions) < 0) Traps.FuelExhausted(at);
    }
}
