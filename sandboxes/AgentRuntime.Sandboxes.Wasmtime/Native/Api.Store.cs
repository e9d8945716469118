using System.Runtime.InteropServices;

namespace AgentRuntime.Sandboxes.Wasmtime.Native;

/// <content>Stores, and what runs in them. A context is the store's inside and lives as long.</content>
internal static unsafe partial class Api
{
    /// <summary>wasmtime/store.h: <c>own wasmtime_store_t* wasmtime_store_new(wasm_engine_t*, void* data, void
    /// (*finalizer)(void*))</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_store_new")]
    public static partial nint StoreNew(EngineHandle engine, nint data, nint finalizer);

    /// <summary>wasmtime/store.h: <c>void wasmtime_store_delete(own wasmtime_store_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_store_delete")]
    public static partial void StoreDelete(nint store);

    /// <summary>wasmtime/store.h: <c>wasmtime_context_t* wasmtime_store_context(wasmtime_store_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_store_context")]
    public static partial nint StoreContext(nint store);

    /// <summary>
    /// wasmtime/store.h: <c>void wasmtime_store_limiter(wasmtime_store_t*, int64_t memory_size, int64_t table_elements,
    /// int64_t instances, int64_t tables, int64_t memories)</c>: bytes of one memory, elements of one table, and
    /// counts; negative keeps the default.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_store_limiter")]
    public static partial void StoreLimiter(
        nint store, long memoryBytes, long tableElements, long instances, long tables, long memories);

    /// <summary>
    /// wasmtime/store.h: <c>void wasmtime_store_epoch_deadline_callback(wasmtime_store_t*, own wasmtime_error_t*
    /// (*func)(wasmtime_context_t*, void* data, uint64_t* epoch_deadline_delta, wasmtime_update_deadline_kind_t*
    /// update_kind), void* data, void (*finalizer)(void*))</c>.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_store_epoch_deadline_callback")]
    public static partial void StoreEpochCallback(
        nint store,
        delegate* unmanaged[Cdecl]<nint, nint, ulong*, byte*, nint> callback,
        nint data,
        nint finalizer);

    /// <summary>wasmtime/store.h: <c>void wasmtime_context_set_epoch_deadline(wasmtime_context_t*, uint64_t
    /// ticks_beyond_current)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_context_set_epoch_deadline")]
    public static partial void ContextSetEpochDeadline(nint context, ulong ticks);

    /// <summary>wasmtime/store.h: <c>own wasmtime_error_t* wasmtime_context_set_fuel(wasmtime_context_t*,
    /// uint64_t)</c>: an error when fuel is not configured.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_context_set_fuel")]
    public static partial nint ContextSetFuel(nint context, ulong fuel);

    /// <summary>wasmtime/store.h: <c>own wasmtime_error_t* wasmtime_context_get_fuel(const wasmtime_context_t*,
    /// uint64_t* fuel)</c>: what remains.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_context_get_fuel")]
    public static partial nint ContextGetFuel(nint context, ulong* fuel);

    /// <summary>
    /// wasmtime/func.h: <c>void wasmtime_func_new_unchecked(wasmtime_context_t*, const wasm_functype_t*,
    /// wasmtime_func_unchecked_callback_t, void* env, void (*finalizer)(void*), wasmtime_func_t* ret)</c>.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_func_new_unchecked")]
    public static partial void FunctionNew(
        nint context,
        nint type,
        delegate* unmanaged[Cdecl]<nint, nint, NativeValue*, nuint, nint> callback,
        nint data,
        nint finalizer,
        NativeFunction* function);

    /// <summary>
    /// wasmtime/func.h: <c>own wasmtime_error_t* wasmtime_func_call_unchecked(wasmtime_context_t*, const
    /// wasmtime_func_t*, wasmtime_val_raw_t* args_and_results, size_t args_and_results_len, own wasm_trap_t**
    /// trap)</c>: the length is that of the larger of both; an error, a trap or neither comes back.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_func_call_unchecked")]
    public static partial nint FunctionCall(
        nint context, NativeFunction* function, NativeValue* values, nuint count, nint* trap);

    /// <summary>wasmtime/memory.h: <c>uint8_t* wasmtime_memory_data(const wasmtime_context_t*, const
    /// wasmtime_memory_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_memory_data")]
    [SuppressGCTransition]
    public static partial byte* MemoryData(nint context, NativeMemory* memory);

    /// <summary>wasmtime/memory.h: <c>size_t wasmtime_memory_data_size(const wasmtime_context_t*, const
    /// wasmtime_memory_t*)</c>: bytes.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_memory_data_size")]
    [SuppressGCTransition]
    public static partial nuint MemoryDataSize(nint context, NativeMemory* memory);
}
