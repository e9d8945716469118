using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Loading;
using AgentRuntime.Sandboxes.Wasmtime.Native;
using AgentRuntime.Sandboxes.Wasmtime.Signals;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>What code an engine makes.</summary>
/// <param name="Metered">With fuel.</param>
/// <param name="Pooled">Whether its instances come from a pool.</param>
/// <param name="Watched">Whether there are epoch checks; always, but for the benchmark of their price.</param>
internal readonly record struct EngineFlavour(bool Metered, bool Pooled, bool Watched = true);

/// <summary>
/// A <c>wasm_engine_t</c>, shared by all that ask for the same, and kept for the life of the process: its pool is
/// address space, of which a process has not enough for many. Thread-safe.
/// </summary>
internal sealed unsafe class NativeEngine
{
    /// <summary>Reserved for one memory, so that 32-bit addresses need no bounds checks; Wasmtime's default.</summary>
    private const ulong MemoryReservationBytes = 4UL << 30;

    /// <summary>Wasmtime's default, for accesses with an offset.</summary>
    private const ulong GuardBytes = 32UL << 20;

    private const int MaxTablesPerModule = 4;
    private const int LeastPool = 32;
    private static readonly Lock Gate = new();
    private static readonly Dictionary<(WasmtimeEngineOptions, EngineFlavour), NativeEngine> Shared = [];

    // Beyond WebAssembly 2.0: none of it is what the platform offers, and types of the garbage collector's would abort
    // the process when the C API is asked for them. What a release lacks, it has not switched on either.
    private static readonly string[] SwitchedOff =
    [
        "wasm_threads", "wasm_tail_call", "wasm_function_references", "wasm_gc", "wasm_relaxed_simd",
        "wasm_multi_memory", "wasm_memory64", "wasm_wide_arithmetic", "wasm_stack_switching", "wasm_exceptions",
        "wasm_custom_page_sizes", "shared_memory", "wasm_component_model",
        // Compiling takes one core from serving at most.
        "parallel_compilation",
        // Registering unwind tables of every module is of use to native debuggers alone.
        "native_unwind_info",
    ];

    /// <summary>In the C API of 48 and 50; 36 has it in Rust alone.</summary>
    private const string SignalTraps = "signals_based_traps";

    private NativeEngine(EngineHandle handle, int pooled)
    {
        Handle = handle;
        PooledInstances = pooled;
    }

    public EngineHandle Handle { get; }

    /// <summary>Instances that the pool has room for; 0 without a pool.</summary>
    public int PooledInstances { get; }

    /// <summary>
    /// The library's release, such as <c>36.0.14</c>. The C API does not tell it; a serialized module carries it, since
    /// release 48 its first number alone.
    /// </summary>
    public string Version { get; private set; } = "";

    /// <summary>The engine for such options and such code; made at the first call.</summary>
    public static NativeEngine Get(WasmtimeLibrary library, WasmtimeEngineOptions options, EngineFlavour flavour)
    {
        lock (Gate)
        {
            if (Shared.TryGetValue((options, flavour), out var engine)) return engine;
            var masks = SignalMasks.Capture();
            engine = CreateWithLockHeld(library, options, flavour);
            masks.RestoreOnNewHandlers();
            try
            {
                engine.Version = engine.ReadVersion();
                NativeRelease.Loaded = CheckVersion(engine.Version, library);
            }
            catch
            {
                engine.Handle.Dispose();
                throw;
            }

            Shared.Add((options, flavour), engine);
            return engine;
        }
    }

    /// <summary>Takes code that the same library serialized, of the same flavour but for the pool.</summary>
    /// <exception cref="WasmModuleException">It is another's, which would be a bug.</exception>
    public CodeHandle Load(byte[] code)
    {
        nint module, error;
        fixed (byte* bytes = code) error = Api.ModuleDeserialize(Handle, bytes, (nuint)code.Length, &module);
        return error == 0 ? new CodeHandle(module) : throw ModuleFaults.From(TrapTranslation.TakeError(error));
    }

    /// <summary>Lets every store of this engine look whether it is to stop. Any thread.</summary>
    public void IncrementEpoch() => Api.EngineIncrementEpoch(Handle.Address);

    /// <summary>The same for all engines.</summary>
    public static void IncrementAll(List<NativeEngine> engines)
    {
        foreach (var engine in engines) engine.IncrementEpoch();
    }

    private string ReadVersion()
    {
        var empty = "\0asm\u0001\0\0\0"u8;
        nint module, error;
        fixed (byte* wasm = empty) error = Api.ModuleNew(Handle, wasm, (nuint)empty.Length, &module);
        if (error != 0) return TrapTranslation.TakeError(error);
        using var handle = new CodeHandle(module);
        NativeVector bytes;
        error = Api.ModuleSerialize(handle, &bytes);
        if (error != 0) return TrapTranslation.TakeError(error);
        var version = SerializedVersion(new ReadOnlySpan<byte>(bytes.Data, (int)bytes.Size));
        Api.ByteVectorDelete(&bytes);
        return version;
    }

    /// <summary>
    /// Reads the section <c>.wasmtime.engine</c> of the ELF64 file that a serialized module is: a format byte, a length
    /// and the version (crates/wasmtime/src/engine/serialization.rs). Empty when it is not there.
    /// </summary>
    internal static string SerializedVersion(ReadOnlySpan<byte> elf)
    {
        try
        {
            var table = (int)BinaryPrimitives.ReadUInt64LittleEndian(elf[0x28..]);
            int entry = Read16(elf, 0x3A), count = Read16(elf, 0x3C), strings = Read16(elf, 0x3E);
            var names = Content(elf, table + (strings * entry));
            for (var i = 0; i < count; i++)
            {
                var header = table + (i * entry);
                var name = names[(int)BinaryPrimitives.ReadUInt32LittleEndian(elf[header..])..];
                if (!name.StartsWith(".wasmtime.engine\0"u8)) continue;
                var content = Content(elf, header);
                return Encoding.UTF8.GetString(content.Slice(2, content[1]));
            }
        }
        catch (ArgumentOutOfRangeException)
        {
            // Not the format that this release writes: as good as no version.
        }

        return "";
    }

    private static NativeRelease CheckVersion(string version, WasmtimeLibrary library)
    {
        var release = CheckVersion(version, library.Path);
        if (release.VectorsApart
            && Array.Find(VectorTypes.Functions, f => !NativeLibrary.TryGetExport(library.Handle, f, out _))
                is { } lacking)
            throw WasmtimeLibrary.Unusable($"the library of release '{version}' lacks {lacking}", library.Path);
        return release;
    }

    internal static NativeRelease CheckVersion(string version, string path) => NativeRelease.Of(version)
        ?? throw WasmtimeLibrary.Unusable(
            $"the library is of release '{version}', and the binding for {NativeRelease.Names}", path);

    private static ushort Read16(ReadOnlySpan<byte> bytes, int at) =>
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> elf, int header) => elf.Slice(
        (int)BinaryPrimitives.ReadUInt64LittleEndian(elf[(header + 0x18)..]),
        (int)BinaryPrimitives.ReadUInt64LittleEndian(elf[(header + 0x20)..]));

    private static NativeEngine CreateWithLockHeld(
        WasmtimeLibrary library, WasmtimeEngineOptions options, EngineFlavour flavour)
    {
        // Before the library is called: a switch that is not there would leave the handlers on, and nobody would know.
        if (!options.TrapsBySignals && !HasSwitch(library, SignalTraps)) throw NeedsSignals(library);
        var config = Api.ConfigNew();
        foreach (var name in SwitchedOff) SwitchOff(library, config, name);
        if (!options.TrapsBySignals) SwitchOff(library, config, SignalTraps);
        Api.ConfigEpochInterruption(config, (byte)(flavour.Watched ? 1 : 0));
        Api.ConfigConsumeFuel(config, (byte)(flavour.Metered ? 1 : 0));
        Api.ConfigMaxWasmStack(config, (nuint)options.MaxGuestStackBytes);
        Api.ConfigMemoryReservation(config, MemoryReservationBytes);
        Api.ConfigMemoryGuardSize(config, GuardBytes);
        var pooled = flavour.Pooled
            ? Fitting(flavour.Metered ? options.PooledMeteredInstances : options.PooledInstances)
            : 0;
        if (pooled > 0)
        {
            var pool = Api.PoolNew();
            Api.PoolTotalCoreInstances(pool, (uint)pooled);
            Api.PoolTotalMemories(pool, (uint)pooled);
            Api.PoolTotalTables(pool, (uint)pooled);
            Api.PoolTableElements(pool, (nuint)options.PooledTableElements);
            Api.PoolMaxTablesPerModule(pool, MaxTablesPerModule);
            Api.PoolMaxMemorySize(pool, unchecked((nuint)MemoryReservationBytes));
            Api.ConfigPooling(config, pool);
            Api.PoolDelete(pool);
        }

        return new NativeEngine(new EngineHandle(Api.EngineNew(config)), pooled);
    }

    private static void SwitchOff(WasmtimeLibrary library, nint config, string name)
    {
        if (NativeLibrary.TryGetExport(library.Handle, Setter(name), out var set))
            ((delegate* unmanaged[Cdecl]<nint, byte, void>)set)(config, 0);
    }

    private static bool HasSwitch(WasmtimeLibrary library, string name) =>
        NativeLibrary.TryGetExport(library.Handle, Setter(name), out _);

    private static string Setter(string name) => $"wasmtime_config_{name}_set";

    private static RuntimeErrorException NeedsSignals(WasmtimeLibrary library) => WasmtimeLibrary.Unusable(
        "TrapsBySignals is off, and the library has no switch for it", library.Path,
        "Leave TrapsBySignals on, or give a libwasmtime.so of a release 48.0.x or 50.0.x.");

    // The library aborts the process when it cannot reserve its pool, so that the kernel is asked before.
    private static int Fitting(int wanted)
    {
        for (var slots = wanted; slots >= LeastPool; slots /= 2)
        {
            if (Posix.CanReserve(((ulong)slots + 4) * (MemoryReservationBytes + (4 * GuardBytes)))) return slots;
        }

        return 0;
    }

    /// <summary>Whether a module's tables have room in the pool.</summary>
    public static bool Fits(ModuleScan scan, WasmtimeEngineOptions options) =>
        options.PooledInstances > 0 && scan.Tables <= MaxTablesPerModule
        && scan.TableElements <= options.PooledTableElements && scan.MemoryPages <= 65_536;
}
