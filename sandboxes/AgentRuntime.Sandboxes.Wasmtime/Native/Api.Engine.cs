using System.Runtime.InteropServices;

namespace AgentRuntime.Sandboxes.Wasmtime.Native;

/// <summary>
/// Wasmtime's C API, one method a function. Each cites the header below crates/c-api/include of release 36.0.14 and its
/// declaration, which later ones changed in nothing but <c>const</c>; <c>own</c> marks what changes hands. Nothing here
/// checks anything: the types around it do.
/// </summary>
internal static unsafe partial class Api
{
    /// <summary>The name that <see cref="Loading.WasmtimeLibrary"/> resolves.</summary>
    public const string Library = "wasmtime";

    /// <summary>wasm.h: <c>own wasm_config_t* wasm_config_new(void)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_config_new")]
    public static partial nint ConfigNew();

    /// <summary>wasm.h: <c>own wasm_engine_t* wasm_engine_new_with_config(own wasm_config_t*)</c>: takes the config;
    /// a config that cannot be had aborts the process.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_engine_new_with_config")]
    public static partial nint EngineNew(nint config);

    /// <summary>wasm.h: <c>void wasm_engine_delete(own wasm_engine_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_engine_delete")]
    public static partial void EngineDelete(nint engine);

    /// <summary>wasmtime/engine.h: <c>void wasmtime_engine_increment_epoch(wasm_engine_t*)</c>: any thread.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_engine_increment_epoch")]
    [SuppressGCTransition]
    public static partial void EngineIncrementEpoch(nint engine);

    /// <summary>wasmtime/config.h: <c>void wasmtime_config_consume_fuel_set(wasm_config_t*, bool)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_config_consume_fuel_set")]
    public static partial void ConfigConsumeFuel(nint config, byte enable);

    /// <summary>wasmtime/config.h: <c>void wasmtime_config_epoch_interruption_set(wasm_config_t*, bool)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_config_epoch_interruption_set")]
    public static partial void ConfigEpochInterruption(nint config, byte enable);

    /// <summary>wasmtime/config.h: <c>void wasmtime_config_max_wasm_stack_set(wasm_config_t*, size_t)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_config_max_wasm_stack_set")]
    public static partial void ConfigMaxWasmStack(nint config, nuint bytes);

    /// <summary>wasmtime/config.h: <c>void wasmtime_config_memory_reservation_set(wasm_config_t*,
    /// uint64_t)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_config_memory_reservation_set")]
    public static partial void ConfigMemoryReservation(nint config, ulong bytes);

    /// <summary>wasmtime/config.h: <c>void wasmtime_config_memory_guard_size_set(wasm_config_t*,
    /// uint64_t)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_config_memory_guard_size_set")]
    public static partial void ConfigMemoryGuardSize(nint config, ulong bytes);

    /// <summary>
    /// wasmtime/config.h: <c>own wasmtime_pooling_allocation_config_t* wasmtime_pooling_allocation_config_new()</c>.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_pooling_allocation_config_new")]
    public static partial nint PoolNew();

    /// <summary>wasmtime/config.h: <c>void wasmtime_pooling_allocation_config_delete(own …_config_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_pooling_allocation_config_delete")]
    public static partial void PoolDelete(nint pool);

    /// <summary>wasmtime/config.h: <c>…_config_total_core_instances_set(…_config_t*, uint32_t)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_pooling_allocation_config_total_core_instances_set")]
    public static partial void PoolTotalCoreInstances(nint pool, uint count);

    /// <summary>wasmtime/config.h: <c>…_config_total_memories_set(…_config_t*, uint32_t)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_pooling_allocation_config_total_memories_set")]
    public static partial void PoolTotalMemories(nint pool, uint count);

    /// <summary>wasmtime/config.h: <c>…_config_total_tables_set(…_config_t*, uint32_t)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_pooling_allocation_config_total_tables_set")]
    public static partial void PoolTotalTables(nint pool, uint count);

    /// <summary>wasmtime/config.h: <c>…_config_table_elements_set(…_config_t*, size_t)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_pooling_allocation_config_table_elements_set")]
    public static partial void PoolTableElements(nint pool, nuint count);

    /// <summary>wasmtime/config.h: <c>…_config_max_tables_per_module_set(…_config_t*, uint32_t)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_pooling_allocation_config_max_tables_per_module_set")]
    public static partial void PoolMaxTablesPerModule(nint pool, uint count);

    /// <summary>wasmtime/config.h: <c>…_config_max_memory_size_set(…_config_t*, size_t)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_pooling_allocation_config_max_memory_size_set")]
    public static partial void PoolMaxMemorySize(nint pool, nuint bytes);

    /// <summary>
    /// wasmtime/config.h: <c>void wasmtime_pooling_allocation_strategy_set(wasm_config_t*, const …_config_t*)</c>:
    /// copies; the pool's config is still the caller's.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_pooling_allocation_strategy_set")]
    public static partial void ConfigPooling(nint config, nint pool);
}
