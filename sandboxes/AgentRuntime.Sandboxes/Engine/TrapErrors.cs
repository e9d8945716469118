using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;

namespace AgentRuntime.Sandboxes.Engine;

/// <summary>What a trap means to whoever runs the agent. Stateless.</summary>
internal static class TrapErrors
{
    /// <summary>The engine's limits for a sandbox's.</summary>
    public static InstanceLimits CoreLimits(SandboxLimits limits) => new(
        limits.MaxMemory.Value, limits.MaxTableElements, limits.MaxCallDepth, limits.MaxCpuTime, limits.Fuel);

    /// <summary>What a guest gets of its limits from an engine, which may give less memory.</summary>
    public static SandboxLimits Given(SandboxLimits limits, IWasmEngine engine) =>
        limits.MaxMemory.Value <= engine.MaxMemoryBytes
            ? limits
            : limits with { MaxMemory = new(engine.MaxMemoryBytes) };

    /// <summary>What to do about a guest that has too little memory; nothing is gained by asking for more than the
    /// engine gives.</summary>
    public static string MoreMemory(SandboxLimits given, IWasmEngine engine) =>
        given.MaxMemory.Value < engine.MaxMemoryBytes
            ? "raise limits.memory in the agent's bundle"
            : $"let it do with less: the {engine.Name} engine gives no guest more";

    /// <summary>The error for a trap of a guest that was given such limits.</summary>
    public static RuntimeError From(
        WasmTrapException trap, SandboxLimits limits, IWasmEngine engine, GuestMeter meter, string? stopReason)
    {
        var (code, message, action) = Explain(trap, limits, engine, meter, stopReason);
        return new RuntimeError(code, message, Where(trap), action);
    }

    private static (ReasonCode Code, string Message, string? Action) Explain(
        WasmTrapException trap, SandboxLimits limits, IWasmEngine engine, GuestMeter meter, string? stopReason) =>
        trap.Kind switch
        {
            TrapKind.CpuTimeExhausted => (ReasonCodes.CpuTimeLimit,
                $"The guest used up its {limits.MaxCpuTime.TotalMilliseconds:F0} ms of CPU time.",
                "Look for a loop that does not end, or raise limits.cpu_time in the agent's bundle."),
            TrapKind.CallStackExhausted => (ReasonCodes.StackLimit,
                $"The guest's calls nest deeper than {limits.MaxCallDepth} frames or the stack that they may take.",
                "Look for a recursion that does not end."),
            TrapKind.FuelExhausted => (ReasonCodes.FuelExhausted,
                $"The guest used up its {limits.Fuel} units of fuel.", null),
            TrapKind.ResourceLimit => (ReasonCodes.MemoryLimit,
                $"The guest needs more than {limits.MaxMemory} of memory or {limits.MaxTableElements} table elements.",
                null),
            TrapKind.Stopped => (ReasonCodes.Stopped,
                $"The guest was stopped: {stopReason ?? "no reason given"}.", null),
            TrapKind.HostCallLimit => (ReasonCodes.HostCallLimit, $"The guest made {Detail(trap)}.",
                "Look for a loop around a host call, or raise limits.host_calls in the agent's bundle."),
            TrapKind.InvalidHostArgument => (ReasonCodes.GuestPointer,
                $"The guest gave the host something that is not valid: {Detail(trap)}.", null),
            _ when GaveUpForLackOfMemory(trap, limits, meter) => (ReasonCodes.MemoryLimit,
                $"The guest gave up ({Name(trap.Kind)}) with its memory full: "
                + $"{meter.MemoryPeakBytes} of {limits.MaxMemory}.",
                $"Look for a leak, or {MoreMemory(limits, engine)}."),
            _ => (ReasonCodes.GuestTrap, $"The guest trapped: {Detail(trap)}.", null),
        };

    // A guest that gets no more memory is told so and mostly gives up with a trap that says nothing of memory.
    private static bool GaveUpForLackOfMemory(WasmTrapException trap, SandboxLimits limits, GuestMeter meter) =>
        trap.Kind is TrapKind.Unreachable or TrapKind.MemoryOutOfBounds
        && meter.MemoryPeakBytes > limits.MaxMemory.Value - (limits.MaxMemory.Value / 10);

    private static string Detail(WasmTrapException trap)
    {
        var kind = trap.Kind.ToString();
        return trap.Message.StartsWith(kind + ": ", StringComparison.Ordinal)
            ? trap.Message[(kind.Length + 2)..]
            : Name(trap.Kind);
    }

    // The specification's own words for its traps (the test suite's, in the appendix of WebAssembly 2.0).
    private static string Name(TrapKind kind) => kind switch
    {
        TrapKind.Unreachable => "unreachable",
        TrapKind.IntegerDivideByZero => "integer divide by zero",
        TrapKind.IntegerOverflow => "integer overflow",
        TrapKind.InvalidConversion => "invalid conversion to integer",
        TrapKind.MemoryOutOfBounds => "out of bounds memory access",
        TrapKind.TableOutOfBounds => "out of bounds table access",
        TrapKind.UninitializedElement => "uninitialized element",
        TrapKind.IndirectCallTypeMismatch => "indirect call type mismatch",
        _ => kind.ToString(),
    };

    private static string? Where(WasmTrapException trap)
    {
        var function = (trap.FunctionName, trap.FunctionIndex) switch
        {
            (null, < 0) => null,
            (null, _) => $"function #{trap.FunctionIndex}",
            (_, < 0) => $"function '{trap.FunctionName}'",
            _ => $"function '{trap.FunctionName}' (#{trap.FunctionIndex})",
        };
        var offset = trap.Offset < 0 ? null : $"offset 0x{trap.Offset:x}";
        return function is null ? offset : offset is null ? function : $"{function}, {offset}";
    }
}
