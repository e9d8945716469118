using System.Diagnostics.CodeAnalysis;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>
/// The cold ends of the accessors. Each only throws, so the JIT moves the call out of line and spills nothing around
/// it; a call that might return would cost three times as much. <c>at</c> is the instruction's offset in the module.
/// </summary>
internal static class Traps
{
    [DoesNotReturn]
    public static void Throw(TrapKind kind, int at) => throw new WasmTrapException(kind) { Offset = at };

    [DoesNotReturn]
    public static void Unreachable(int at) => Throw(TrapKind.Unreachable, at);

    [DoesNotReturn]
    public static void MemoryOutOfBounds(int at) =>
        throw new WasmTrapException(TrapKind.MemoryOutOfBounds) { Offset = at };

    [DoesNotReturn]
    public static void TableOutOfBounds(int at) =>
        throw new WasmTrapException(TrapKind.TableOutOfBounds) { Offset = at };

    [DoesNotReturn]
    public static void DivideByZero(int at) =>
        throw new WasmTrapException(TrapKind.IntegerDivideByZero) { Offset = at };

    [DoesNotReturn]
    public static void IntegerOverflow(int at) => throw new WasmTrapException(TrapKind.IntegerOverflow) { Offset = at };

    [DoesNotReturn]
    public static void InvalidConversion(int at) =>
        throw new WasmTrapException(TrapKind.InvalidConversion) { Offset = at };

    [DoesNotReturn]
    public static void Uninitialized(int at) =>
        throw new WasmTrapException(TrapKind.UninitializedElement) { Offset = at };

    [DoesNotReturn]
    public static void TypeMismatch(int at) =>
        throw new WasmTrapException(TrapKind.IndirectCallTypeMismatch) { Offset = at };

    [DoesNotReturn]
    public static void StackExhausted(int at) =>
        throw new WasmTrapException(TrapKind.CallStackExhausted) { Offset = at };

    [DoesNotReturn]
    public static void FuelExhausted(int at) => throw new WasmTrapException(TrapKind.FuelExhausted) { Offset = at };

    [DoesNotReturn]
    public static void Interrupted(ManagedInstance instance, int at) =>
        throw new WasmTrapException((TrapKind)Volatile.Read(ref instance.Pending)) { Offset = at };

    /// <summary>The stack is used up, or taken from a guest that is to stop.</summary>
    [DoesNotReturn]
    public static void NoStack(ManagedInstance instance, int at)
    {
        if (Volatile.Read(ref instance.Pending) != 0) Interrupted(instance, at);
        StackExhausted(at);
    }
}
