using System.Runtime.InteropServices;
using AgentRuntime.Sandboxes.Wasmtime.Native;

namespace AgentRuntime.Sandboxes.Wasmtime.Scripts;

/// <summary>
/// wasmtime/val.h: <c>wasmtime_val_t</c>: a kind of one byte and a union at 8. There is room for the largest of any
/// <see cref="NativeRelease"/>.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct TaggedValue
{
    [FieldOffset(0)]
    public TaggedKind Kind;

    [FieldOffset(8)]
    public ulong Low;

    [FieldOffset(16)]
    public ulong High;

    [FieldOffset(8)]
    public ExternalReference Reference;
}

/// <summary>wasmtime/val.h: <c>WASMTIME_I32</c> to <c>WASMTIME_EXTERNREF</c>.</summary>
internal enum TaggedKind : byte
{
    I32 = 0,
    I64 = 1,
    F32 = 2,
    F64 = 3,
    V128 = 4,
    FuncRef = 5,
    ExternRef = 6,
}

/// <summary>
/// wasmtime/val.h: <c>wasmtime_externref_t</c>: null when the first field is 0. Likewise.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct ExternalReference
{
    [FieldOffset(0)]
    public ulong StoreId;
}

/// <summary>What the corpus takes beyond <see cref="Api"/>: references and globals.</summary>
internal static unsafe partial class ScriptApi
{
    /// <summary>wasmtime/val.h: <c>bool wasmtime_externref_new(wasmtime_context_t*, void* data, void
    /// (*finalizer)(void*), wasmtime_externref_t* out)</c>: a root, to be given back.</summary>
    [LibraryImport(Api.Library, EntryPoint = "wasmtime_externref_new")]
    public static partial byte ReferenceNew(nint context, nint data, nint finalizer, ExternalReference* reference);

    /// <summary>wasmtime/val.h: <c>void* wasmtime_externref_data(wasmtime_context_t*, const
    /// wasmtime_externref_t*)</c>.</summary>
    [LibraryImport(Api.Library, EntryPoint = "wasmtime_externref_data")]
    public static partial nint ReferenceData(nint context, ExternalReference* reference);

    /// <summary>wasmtime/val.h of release 36: <c>void wasmtime_externref_unroot(wasmtime_context_t*,
    /// wasmtime_externref_t*)</c>.</summary>
    [LibraryImport(Api.Library, EntryPoint = "wasmtime_externref_unroot")]
    public static partial void ReferenceUnroot(nint context, ExternalReference* reference);

    /// <summary>wasmtime/val.h of later ones: <c>void wasmtime_externref_unroot(wasmtime_externref_t*)</c>.</summary>
    [LibraryImport(Api.Library, EntryPoint = "wasmtime_externref_unroot")]
    public static partial void ReferenceUnroot(ExternalReference* reference);

    /// <summary>wasmtime/val.h: <c>void wasmtime_externref_from_raw(wasmtime_context_t*, uint32_t raw,
    /// wasmtime_externref_t* out)</c>: a root, to be given back.</summary>
    [LibraryImport(Api.Library, EntryPoint = "wasmtime_externref_from_raw")]
    public static partial void ReferenceFromRaw(nint context, uint raw, ExternalReference* reference);

    /// <summary>wasmtime/val.h: <c>uint32_t wasmtime_externref_to_raw(wasmtime_context_t*, const
    /// wasmtime_externref_t*)</c>: good until the next collection.</summary>
    [LibraryImport(Api.Library, EntryPoint = "wasmtime_externref_to_raw")]
    public static partial uint ReferenceToRaw(nint context, ExternalReference* reference);

    /// <summary>wasmtime/global.h: <c>void wasmtime_global_get(wasmtime_context_t*, const wasmtime_global_t*, own
    /// wasmtime_val_t* out)</c>.</summary>
    [LibraryImport(Api.Library, EntryPoint = "wasmtime_global_get")]
    public static partial void GlobalGet(nint context, NativeGlobal* global, TaggedValue* value);
}
