using System.Runtime.CompilerServices;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>What emitted code does at function entries and loop heads: depth, stack, epoch and fuel.</summary>
internal static class Frames
{
    /// <summary>Bytes that bulk instructions move for one unit of fuel: about as many as one instruction's time
    /// moves.</summary>
    private const int BytesPerFuel = 64;

    /// <summary>
    /// The entry of a function that calls: depth is an argument that counts down, stack an address compared. An
    /// interrupted instance has no stack left, so that one compare stands for both.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Enter(ManagedInstance instance, int depth, int at)
    {
        if (depth <= 0) Traps.StackExhausted(at);
        if (StackGuard.Here() < instance.StackLimit) Traps.NoStack(instance, at);
    }

    /// <summary>Before a function whose frame may be large is entered: its frame must fit as a whole.</summary>
    public static void EnsureStack(ManagedInstance instance, int frameBytes, int at)
    {
        var here = StackGuard.Here();
        var limit = instance.StackLimit;
        if (here < limit || here - limit < (nuint)frameBytes) Traps.NoStack(instance, at);
    }

    /// <summary>One volatile read, which the processor compares in place: the cold end reads it again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Epoch(ManagedInstance instance, int at)
    {
        if (Volatile.Read(ref instance.Pending) != 0) Traps.Interrupted(instance, at);
    }

    /// <summary>
    /// Before an instruction that works on as many bytes as it is told: a few bytes of straight code could otherwise
    /// keep a thread for minutes. It looks at the epoch, and costs fuel by its length.
    /// </summary>
    public static void Bulk(ManagedInstance instance, long bytes, int at)
    {
        Epoch(instance, at);
        if ((instance.Fuel -= bytes / BytesPerFuel) < 0) Traps.FuelExhausted(at);
    }

    /// <summary>Charges the instructions of a straight run before its last, so that the count is
    /// deterministic.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Charge(ManagedInstance instance, int instructions, int at)
    {
        if ((instance.Fuel -= instructions) < 0) Traps.FuelExhausted(at);
    }
}
