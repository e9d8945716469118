using System.Runtime.InteropServices;

namespace AgentRuntime.Sandboxes.Wasmtime.Native;

/// <content>Linking and instances.</content>
internal static unsafe partial class Api
{
    /// <summary>wasmtime/linker.h: <c>own wasmtime_linker_t* wasmtime_linker_new(wasm_engine_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_linker_new")]
    public static partial nint LinkerNew(EngineHandle engine);

    /// <summary>wasmtime/linker.h: <c>void wasmtime_linker_delete(own wasmtime_linker_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_linker_delete")]
    public static partial void LinkerDelete(nint linker);

    /// <summary>
    /// wasmtime/linker.h: <c>own wasmtime_error_t* wasmtime_linker_define_func_unchecked(wasmtime_linker_t*, const
    /// char* module, size_t module_len, const char* name, size_t name_len, const wasm_functype_t* ty,
    /// wasmtime_func_unchecked_callback_t cb, void* data, void (*finalizer)(void*))</c>, with wasmtime/func.h:
    /// <c>own wasm_trap_t* (*)(void* env, wasmtime_caller_t*, wasmtime_val_raw_t*, size_t)</c>. The type stays the
    /// caller's; the function belongs to no store.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_linker_define_func_unchecked")]
    public static partial nint LinkerDefine(
        nint linker,
        byte* module,
        nuint moduleLength,
        byte* name,
        nuint nameLength,
        nint type,
        delegate* unmanaged[Cdecl]<nint, nint, NativeValue*, nuint, nint> callback,
        nint data,
        nint finalizer);

    /// <summary>wasmtime/linker.h: <c>own wasmtime_error_t* wasmtime_linker_instantiate_pre(const wasmtime_linker_t*,
    /// const wasmtime_module_t*, own wasmtime_instance_pre_t**)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_linker_instantiate_pre")]
    public static partial nint LinkerInstantiatePre(nint linker, CodeHandle module, nint* instancePre);

    /// <summary>wasmtime/instance.h: <c>void wasmtime_instance_pre_delete(own wasmtime_instance_pre_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_instance_pre_delete")]
    public static partial void InstancePreDelete(nint instancePre);

    /// <summary>
    /// wasmtime/instance.h: <c>own wasmtime_error_t* wasmtime_instance_pre_instantiate(const wasmtime_instance_pre_t*,
    /// wasmtime_context_t*, wasmtime_instance_t* instance, own wasm_trap_t** trap_ptr)</c>: runs the start function.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_instance_pre_instantiate")]
    public static partial nint InstancePreInstantiate(
        InstancePreHandle instancePre, nint context, NativeInstance* instance, nint* trap);

    /// <summary>
    /// wasmtime/instance.h: <c>own wasmtime_error_t* wasmtime_instance_new(wasmtime_context_t*, const
    /// wasmtime_module_t*, const wasmtime_extern_t* imports, size_t nimports, wasmtime_instance_t* instance, own
    /// wasm_trap_t** trap)</c>: imports in the module's order.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_instance_new")]
    public static partial nint InstanceNew(
        nint context, CodeHandle module, NativeExtern* imports, nuint count, NativeInstance* instance, nint* trap);

    /// <summary>
    /// wasmtime/instance.h: <c>bool wasmtime_instance_export_get(wasmtime_context_t*, const wasmtime_instance_t*, const
    /// char* name, size_t name_len, wasmtime_extern_t* item)</c>. Only a shared memory, which the engine does not
    /// allow, would have to be deleted.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_instance_export_get")]
    public static partial byte InstanceExport(
        nint context, NativeInstance* instance, byte* name, nuint length, NativeExtern* item);

    /// <summary>
    /// wasmtime/func.h: <c>bool wasmtime_caller_export_get(wasmtime_caller_t*, const char* name, size_t name_len,
    /// wasmtime_extern_t* item)</c>: while the host function runs that was given the caller.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_caller_export_get")]
    public static partial byte CallerExport(nint caller, byte* name, nuint length, NativeExtern* item);
}
