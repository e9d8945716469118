using System.Runtime.InteropServices;

namespace AgentRuntime.Sandboxes.Wasmtime.Native;

/// <summary>
/// The type <c>v128</c> in releases that have it <see cref="NativeRelease.VectorsApart"/>: there
/// <c>wasm_valtype_kind</c> and <c>wasm_valtype_new</c> abort the process when it is what they are asked for.
/// </summary>
internal static partial class VectorTypes
{
    /// <summary>The functions that such a release must have.</summary>
    public static readonly string[] Functions = ["wasmtime_wasm_valtype_v128", "wasmtime_wasm_valtype_equal"];

    private static readonly Lazy<nint> Vector = new(New);

    /// <summary>Whether a <c>wasm_valtype_t</c> is it.</summary>
    public static bool Is(nint type) => Equal(type, Vector.Value) != 0;

    /// <summary>wasmtime/val.h: <c>own wasm_valtype_t* wasmtime_wasm_valtype_v128(void)</c>.</summary>
    [LibraryImport(Api.Library, EntryPoint = "wasmtime_wasm_valtype_v128")]
    public static partial nint New();

    /// <summary>wasmtime/val.h: <c>bool wasmtime_wasm_valtype_equal(const wasm_valtype_t*, const
    /// wasm_valtype_t*)</c>.</summary>
    [LibraryImport(Api.Library, EntryPoint = "wasmtime_wasm_valtype_equal")]
    private static partial byte Equal(nint one, nint other);
}
