using System.Runtime.InteropServices;

namespace AgentRuntime.Sandboxes.Wasmtime.Native;

/// <content>Modules and the types of what they import and export.</content>
internal static unsafe partial class Api
{
    /// <summary>
    /// wasmtime/module.h: <c>own wasmtime_error_t* wasmtime_module_new(wasm_engine_t*, const uint8_t* wasm, size_t
    /// wasm_len, own wasmtime_module_t** ret)</c>: <c>ret</c> is written on success only.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_module_new")]
    public static partial nint ModuleNew(EngineHandle engine, byte* wasm, nuint length, nint* module);

    /// <summary>wasmtime/module.h: <c>void wasmtime_module_delete(own wasmtime_module_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_module_delete")]
    public static partial void ModuleDelete(nint module);

    /// <summary>wasmtime/module.h: <c>void wasmtime_module_imports(const wasmtime_module_t*, own
    /// wasm_importtype_vec_t* out)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_module_imports")]
    public static partial void ModuleImports(CodeHandle module, NativeVector* types);

    /// <summary>wasmtime/module.h: <c>void wasmtime_module_exports(const wasmtime_module_t*, own
    /// wasm_exporttype_vec_t* out)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_module_exports")]
    public static partial void ModuleExports(CodeHandle module, NativeVector* types);

    /// <summary>wasmtime/module.h: <c>own wasmtime_error_t* wasmtime_module_serialize(wasmtime_module_t*, own
    /// wasm_byte_vec_t* ret)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_module_serialize")]
    public static partial nint ModuleSerialize(CodeHandle module, NativeVector* bytes);

    /// <summary>
    /// wasmtime/module.h: <c>own wasmtime_error_t* wasmtime_module_deserialize(wasm_engine_t*, const uint8_t* bytes,
    /// size_t bytes_len, own wasmtime_module_t** ret)</c>: copies the bytes, and runs whatever code they hold: never
    /// for bytes that are not our own compiler's.
    /// </summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_module_deserialize")]
    public static partial nint ModuleDeserialize(EngineHandle engine, byte* code, nuint length, nint* module);

    /// <summary>wasm.h: <c>void wasm_byte_vec_delete(own wasm_byte_vec_t*)</c>: frees the bytes, not the
    /// structure.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_byte_vec_delete")]
    public static partial void ByteVectorDelete(NativeVector* bytes);

    /// <summary>wasm.h: <c>void wasm_importtype_vec_delete(own wasm_importtype_vec_t*)</c>: elements too.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_importtype_vec_delete")]
    public static partial void ImportTypesDelete(NativeVector* types);

    /// <summary>wasm.h: <c>void wasm_exporttype_vec_delete(own wasm_exporttype_vec_t*)</c>: elements too.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_exporttype_vec_delete")]
    public static partial void ExportTypesDelete(NativeVector* types);

    /// <summary>wasm.h: <c>const wasm_name_t* wasm_importtype_module(const wasm_importtype_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_importtype_module")]
    public static partial NativeVector* ImportTypeModule(nint type);

    /// <summary>wasm.h: <c>const wasm_name_t* wasm_importtype_name(const wasm_importtype_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_importtype_name")]
    public static partial NativeVector* ImportTypeName(nint type);

    /// <summary>wasm.h: <c>const wasm_externtype_t* wasm_importtype_type(const wasm_importtype_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_importtype_type")]
    public static partial nint ImportTypeType(nint type);

    /// <summary>wasm.h: <c>const wasm_name_t* wasm_exporttype_name(const wasm_exporttype_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_exporttype_name")]
    public static partial NativeVector* ExportTypeName(nint type);

    /// <summary>wasm.h: <c>const wasm_externtype_t* wasm_exporttype_type(const wasm_exporttype_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_exporttype_type")]
    public static partial nint ExportTypeType(nint type);

    /// <summary>wasm.h: <c>wasm_externkind_t wasm_externtype_kind(const wasm_externtype_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_externtype_kind")]
    public static partial ExternTypeKind ExternTypeKindOf(nint type);

    /// <summary>wasm.h: <c>const wasm_functype_t* wasm_externtype_as_functype_const(const wasm_externtype_t*)</c>:
    /// null when it is no function's; the same object, not owned.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_externtype_as_functype_const")]
    public static partial nint ExternTypeAsFunction(nint type);

    /// <summary>wasm.h: <c>const wasm_valtype_vec_t* wasm_functype_params(const wasm_functype_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_functype_params")]
    public static partial NativeVector* FunctionTypeParameters(nint type);

    /// <summary>wasm.h: <c>const wasm_valtype_vec_t* wasm_functype_results(const wasm_functype_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_functype_results")]
    public static partial NativeVector* FunctionTypeResults(nint type);

    /// <summary>wasm.h: <c>wasm_valkind_t wasm_valtype_kind(const wasm_valtype_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_valtype_kind")]
    public static partial ValueKind ValueTypeKind(nint type);

    /// <summary>wasm.h: <c>own wasm_valtype_t* wasm_valtype_new(wasm_valkind_t)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_valtype_new")]
    public static partial nint ValueTypeNew(ValueKind kind);

    /// <summary>wasm.h: <c>void wasm_valtype_vec_new(own wasm_valtype_vec_t* out, size_t, own wasm_valtype_t* const
    /// [])</c>: takes the elements, copies the array.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_valtype_vec_new")]
    public static partial void ValueTypesNew(NativeVector* types, nuint count, nint* elements);

    /// <summary>wasm.h: <c>own wasm_functype_t* wasm_functype_new(own wasm_valtype_vec_t* params, own
    /// wasm_valtype_vec_t* results)</c>: empties both vectors.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_functype_new")]
    public static partial nint FunctionTypeNew(NativeVector* parameters, NativeVector* results);

    /// <summary>wasm.h: <c>void wasm_functype_delete(own wasm_functype_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_functype_delete")]
    public static partial void FunctionTypeDelete(nint type);
}
