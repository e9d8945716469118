namespace AgentRuntime.Sandboxes.Core;

/// <summary>Why a guest trapped. The first group is the specification's, the second the platform's limits.</summary>
public enum TrapKind : byte
{
    /// <summary>The <c>unreachable</c> instruction.</summary>
    Unreachable = 1,

    /// <summary>Integer division by zero.</summary>
    IntegerDivideByZero,

    /// <summary>Integer overflow.</summary>
    IntegerOverflow,

    /// <summary>A float that no integer can hold.</summary>
    InvalidConversion,

    /// <summary>Memory access out of bounds.</summary>
    MemoryOutOfBounds,

    /// <summary>Table access out of bounds.</summary>
    TableOutOfBounds,

    /// <summary>Call of a null table element.</summary>
    UninitializedElement,

    /// <summary>Indirect call of another type.</summary>
    IndirectCallTypeMismatch,

    /// <summary>Calls nest deeper than the limit.</summary>
    CallStackExhausted,

    /// <summary>CPU time used up.</summary>
    CpuTimeExhausted,

    /// <summary>Fuel used up.</summary>
    FuelExhausted,

    /// <summary>Memory or table larger than the limit, where the guest could not be told otherwise.</summary>
    ResourceLimit,

    /// <summary>Stopped from outside.</summary>
    Stopped,

    /// <summary>Host calls or logged bytes used up.</summary>
    HostCallLimit,

    /// <summary>The guest gave the host a pointer, length or text that is not valid.</summary>
    InvalidHostArgument,
}

/// <summary>The guest trapped. The instance cannot go on.</summary>
public sealed class WasmTrapException(TrapKind kind, string? detail = null)
    : Exception(detail is null ? kind.ToString() : $"{kind}: {detail}")
{
    /// <summary>Why.</summary>
    public TrapKind Kind { get; } = kind;

    /// <summary>Index of the function that trapped; -1 when unknown.</summary>
    public int FunctionIndex { get; set; } = -1;

    /// <summary>The function's name from the name section or its export; null when it has none.</summary>
    public string? FunctionName { get; set; }

    /// <summary>Offset of the instruction in the module's bytes; -1 when unknown.</summary>
    public int Offset { get; set; } = -1;
}

/// <summary>What is wrong with a module.</summary>
public enum ModuleFault : byte
{
    /// <summary>The bytes do not follow the binary format (§5).</summary>
    Malformed = 1,

    /// <summary>The module does not validate (§3).</summary>
    Invalid = 2,

    /// <summary>The module exceeds a compile limit.</summary>
    TooLarge = 3,
}

/// <summary>A module cannot be compiled.</summary>
public sealed class WasmModuleException(ModuleFault fault, string message, int offset, Exception? cause = null)
    : Exception(message, cause)
{
    /// <summary>What is wrong.</summary>
    public ModuleFault Fault { get; } = fault;

    /// <summary>Where in the module's bytes; -1 when nowhere in particular.</summary>
    public int Offset { get; } = offset;
}

/// <summary>
/// A snapshot cannot be written or restored: damaged, of another module, or with what cannot be stored.
/// </summary>
public sealed class WasmSnapshotException(string message) : Exception(message);

/// <summary>An import cannot be satisfied.</summary>
public sealed class WasmLinkException(string message) : Exception(message);
