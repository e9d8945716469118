using System.Buffers;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Sandboxes.Core;

/// <summary>
/// A WebAssembly engine below the agent world: core modules, numbers and linear memory. The Managed and the Wasmtime
/// engine implement it; everything that knows strings, agents or tools is written once, above it. Thread-safe.
/// </summary>
public interface IWasmEngine
{
    /// <summary><c>managed</c> or <c>wasmtime</c>.</summary>
    string Name { get; }

    /// <summary>
    /// Whether <see cref="HostReturn.Suspend"/> gives the thread back; otherwise host functions must block.
    /// </summary>
    bool SupportsSuspension { get; }

    /// <summary>The most linear memory that it gives an instance, whatever its limits. Default 4 GiB, all that wasm32
    /// can address.</summary>
    long MaxMemoryBytes => SandboxLimits.MostMemory.Value;

    /// <summary>Decodes, validates and compiles a binary module within the limits.</summary>
    /// <exception cref="WasmModuleException">Malformed, invalid or beyond a limit.</exception>
    /// <exception cref="RuntimeErrorException">AR3014: the compiler still works on earlier modules.</exception>
    IWasmModule Compile(ReadOnlyMemory<byte> wasm, CompileLimits limits, CancellationToken cancellationToken);

    /// <summary>
    /// Gives back what running guests took of the calling thread. The last act of a thread that ran some.
    /// </summary>
    void LeaveThread()
    {
    }
}

/// <summary>A compiled module. Thread-safe.</summary>
public interface IWasmModule
{
    /// <summary>What the module needs, in index order.</summary>
    IReadOnlyList<WasmImport> Imports { get; }

    /// <summary>What the module offers.</summary>
    IReadOnlyList<WasmExport> Exports { get; }

    /// <summary>About how many bytes of the host's memory it takes, its code included; 0 when nobody knows.</summary>
    long SizeBytes => 0;

    /// <summary>
    /// Links and instantiates: memory zeroed, segments applied, the start function run. Function imports are bound to
    /// <paramref name="functions"/> in the order of the function imports in <see cref="Imports"/>; imports of other
    /// kinds are not linkable here.
    /// </summary>
    /// <exception cref="WasmTrapException">A segment is out of bounds, or the start function trapped.</exception>
    /// <exception cref="WasmLinkException">An import is missing or of another type.</exception>
    IWasmInstance Instantiate(IReadOnlyList<HostFunction> functions, InstanceLimits limits);

    /// <summary>
    /// Compiles now what <see cref="Instantiate"/> with such functions and limits will need, so that it does not on
    /// the request path: which imports may block, and whether there is fuel, decide what code is emitted.
    /// </summary>
    /// <exception cref="WasmModuleException">Beyond a compile limit.</exception>
    /// <exception cref="RuntimeErrorException">AR3014, as when compiling.</exception>
    void Prepare(IReadOnlyList<HostFunction> functions, InstanceLimits limits)
    {
    }

    /// <summary>Whether <see cref="Prepare"/> with the same would find all of it compiled.</summary>
    bool IsPrepared(IReadOnlyList<HostFunction> functions, InstanceLimits limits) => true;

    /// <summary>
    /// An instance as <see cref="IWasmInstance.WriteSnapshot"/> wrote it, possibly in another process: suspended, and
    /// resumed like the original. Functions must be the same in type and <see cref="HostFunction.MayBlock"/>.
    /// </summary>
    /// <exception cref="WasmSnapshotException">Damaged, of another version or module, or beyond the limits.</exception>
    /// <exception cref="NotSupportedException">The engine has no snapshots.</exception>
    IWasmInstance Restore(ReadOnlySpan<byte> snapshot, IReadOnlyList<HostFunction> functions, InstanceLimits limits) =>
        throw new NotSupportedException("this engine has no snapshots");
}

/// <summary>
/// One instance. Single-writer: one thread at a time calls or resumes; <see cref="Interrupt"/> alone may come from
/// any thread. Disposing zeroes what it touched and returns it to the module's pool.
/// </summary>
public interface IWasmInstance : IDisposable
{
    /// <summary>The first linear memory; null when the module has none.</summary>
    IGuestMemory? Memory { get; }

    /// <summary>
    /// Calls an exported function and runs until it returns or suspends. A suspended instance may be called as well,
    /// as the host needs to write an answer into it (<c>cabi_realloc</c>): such a call cannot suspend, and the
    /// suspended one is resumed afterwards as if nothing had been.
    /// </summary>
    /// <exception cref="WasmTrapException">The guest trapped or broke a limit; the instance cannot go on.</exception>
    WasmCallStatus Call(string export, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results);

    /// <summary>
    /// Goes on after <see cref="WasmCallStatus.Suspended"/>: the host function that suspended returns
    /// <paramref name="hostResults"/>, and the call runs until it returns or suspends again.
    /// </summary>
    WasmCallStatus Resume(ReadOnlySpan<WasmValue> hostResults, Span<WasmValue> results);

    /// <summary>
    /// Writes a suspended instance: touched memory, globals, tables and frames, versioned, with a digest of the module
    /// and of itself. The instance stays as it is. Host functions and their state are not part of it.
    /// </summary>
    /// <exception cref="InvalidOperationException">The instance is not suspended.</exception>
    /// <exception cref="WasmSnapshotException">It holds a reference to something of the host's.</exception>
    /// <exception cref="NotSupportedException">The engine has no snapshots.</exception>
    void WriteSnapshot(IBufferWriter<byte> destination) =>
        throw new NotSupportedException("this engine has no snapshots");

    /// <summary>Makes the running call trap with this kind at its next epoch check. Any thread, any time.</summary>
    void Interrupt(TrapKind kind);
}

/// <summary>A guest's linear memory, through which every host access goes. Valid as long as its instance.</summary>
public interface IGuestMemory
{
    /// <summary>The size now.</summary>
    long LengthBytes { get; }

    /// <summary>A window; not to be kept over a call into the guest, which may grow the memory.</summary>
    /// <exception cref="WasmTrapException"><see cref="TrapKind.MemoryOutOfBounds"/>.</exception>
    Span<byte> Slice(uint address, uint lengthBytes);

    /// <summary>A window that is only read, under the same rules. An engine that keeps what the host writes need not
    /// look at it, so that it costs nothing however long it is.</summary>
    /// <exception cref="WasmTrapException"><see cref="TrapKind.MemoryOutOfBounds"/>.</exception>
    ReadOnlySpan<byte> View(uint address, uint lengthBytes) => Slice(address, lengthBytes);
}

/// <summary>Whether a call is over.</summary>
public enum WasmCallStatus : byte
{
    /// <summary>It returned; the results are there.</summary>
    Completed = 1,

    /// <summary>A host function suspended it.</summary>
    Suspended = 2,
}

/// <summary>What a host function did.</summary>
public enum HostReturn : byte
{
    /// <summary>It wrote its results.</summary>
    Completed = 1,

    /// <summary>It has no results yet: unwind the guest; they come with <see cref="IWasmInstance.Resume"/>.</summary>
    Suspend = 2,
}

/// <summary>
/// A host function as the engine calls it, on the guest's thread. May call back into the instance only through
/// exports that the module calls itself safely from imports, such as <c>cabi_realloc</c>. A
/// <see cref="WasmTrapException"/> traps the guest; any other exception is a bug of the host and is passed through.
/// </summary>
public delegate HostReturn HostFunctionBody(
    IWasmInstance instance, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results);

/// <summary>A host function to link. Immutable.</summary>
/// <param name="Type">Its type; must equal the import's.</param>
/// <param name="MayBlock">
/// Whether it may return <see cref="HostReturn.Suspend"/>: only callers of such pay for it.
/// </param>
/// <param name="Body">What it does.</param>
public sealed record HostFunction(FunctionType Type, bool MayBlock, HostFunctionBody Body);

/// <summary>Limits of one instance; all mandatory. Derived from <see cref="SandboxLimits"/>. Immutable.</summary>
/// <param name="MaxMemoryBytes">All linear memories together.</param>
/// <param name="MaxTableElements">All tables together.</param>
/// <param name="MaxCallDepth">Nested calls.</param>
/// <param name="MaxCpuTime">Time in guest code over the life of the instance; host functions excluded.</param>
/// <param name="Fuel">Deterministic instruction budget; null for none.</param>
public sealed record InstanceLimits(
    long MaxMemoryBytes, int MaxTableElements, int MaxCallDepth, TimeSpan MaxCpuTime, long? Fuel);

/// <summary>Limits of compilation, so that a hostile module cannot stall or crash the host. Immutable.</summary>
public sealed record CompileLimits
{
    /// <summary>Bytes of the module. Default 16 MiB.</summary>
    public int MaxModuleBytes { get; init; } = WireBounds.ModuleBytes;

    /// <summary>Functions. Default 50,000.</summary>
    public int MaxFunctions { get; init; } = 50_000;

    /// <summary>Bytes of one function body. Default 1 MiB (V8's own limit is 7.6 MB).</summary>
    public int MaxFunctionBytes { get; init; } = 1 << 20;

    /// <summary>Locals of one function, parameters included. Default 50,000, as in V8.</summary>
    public int MaxLocals { get; init; } = 50_000;

    /// <summary>Locals of all functions together, without their parameters: a few bytes declare as many as a function
    /// may have. Default 5,000,000.</summary>
    public long MaxModuleLocals { get; init; } = 5_000_000;

    /// <summary>Nested blocks. Default 1,000.</summary>
    public int MaxNesting { get; init; } = 1_000;

    /// <summary>Targets of one <c>br_table</c>. Default 65,520, as in V8.</summary>
    public int MaxBranchTable { get; init; } = 65_520;

    /// <summary>Wall-clock time of the whole compilation of a small module. Default 10 s.</summary>
    public TimeSpan MaxTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// So much more for each MiB, where compiling costs what it costs and cannot be counted as it goes. Default 2 s:
    /// Wasmtime takes 1 to 2.5 s for a MiB of what compilers write, and less than a seventh less without optimizing.
    /// </summary>
    public TimeSpan MaxTimePerMebibyte { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The time that a module of so many bytes may take with a compiler that cannot be told to stop.</summary>
    public TimeSpan TimeFor(int moduleBytes) => MaxTime + (MaxTimePerMebibyte * (moduleBytes / (double)(1 << 20)));
}
