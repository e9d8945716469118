using System.Runtime.InteropServices;

namespace AgentRuntime.Sandboxes.Wasmtime.Native;

/// <content>Errors and traps. A trap that a host function makes comes back as an error, not as a trap.</content>
internal static unsafe partial class Api
{
    /// <summary>wasmtime/error.h: <c>own wasmtime_error_t* wasmtime_error_new(const char*)</c>: null-terminated,
    /// copied.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_error_new")]
    public static partial nint ErrorNew(byte* message);

    /// <summary>wasmtime/error.h: <c>void wasmtime_error_delete(own wasmtime_error_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_error_delete")]
    public static partial void ErrorDelete(nint error);

    /// <summary>wasmtime/error.h: <c>void wasmtime_error_message(const wasmtime_error_t*, own wasm_name_t*)</c>: not
    /// null-terminated.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_error_message")]
    public static partial void ErrorMessage(nint error, NativeVector* message);

    /// <summary>wasmtime/error.h: <c>void wasmtime_error_wasm_trace(const wasmtime_error_t*, own wasm_frame_vec_t*
    /// out)</c>: frames that borrow from the error.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_error_wasm_trace")]
    public static partial void ErrorTrace(nint error, NativeVector* frames);

    /// <summary>wasmtime/trap.h: <c>own wasm_trap_t* wasmtime_trap_new(const char* msg, size_t msg_len)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_trap_new")]
    public static partial nint TrapNew(byte* message, nuint length);

    /// <summary>wasm.h: <c>void wasm_trap_delete(own wasm_trap_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_trap_delete")]
    public static partial void TrapDelete(nint trap);

    /// <summary>wasm.h: <c>void wasm_trap_message(const wasm_trap_t*, own wasm_message_t* out)</c>:
    /// null-terminated.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_trap_message")]
    public static partial void TrapMessage(nint trap, NativeVector* message);

    /// <summary>wasmtime/trap.h: <c>bool wasmtime_trap_code(const wasm_trap_t*, wasmtime_trap_code_t* code)</c>: false
    /// when it is no instruction's trap.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_trap_code")]
    public static partial byte TrapCode(nint trap, byte* code);

    /// <summary>wasm.h: <c>void wasm_trap_trace(const wasm_trap_t*, own wasm_frame_vec_t* out)</c>: frames that borrow
    /// from the trap.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_trap_trace")]
    public static partial void TrapTrace(nint trap, NativeVector* frames);

    /// <summary>wasm.h: <c>void wasm_frame_vec_delete(own wasm_frame_vec_t*)</c>: elements too.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_frame_vec_delete")]
    public static partial void FramesDelete(NativeVector* frames);

    /// <summary>wasm.h: <c>uint32_t wasm_frame_func_index(const wasm_frame_t*)</c>.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_frame_func_index")]
    public static partial uint FrameFunctionIndex(nint frame);

    /// <summary>wasm.h: <c>size_t wasm_frame_module_offset(const wasm_frame_t*)</c>: <c>SIZE_MAX</c> when
    /// unknown.</summary>
    [LibraryImport(Library, EntryPoint = "wasm_frame_module_offset")]
    public static partial nuint FrameModuleOffset(nint frame);

    /// <summary>wasmtime/trap.h: <c>const wasm_name_t* wasmtime_frame_func_name(const wasm_frame_t*)</c>: null when it
    /// has none; lives as long as the frame.</summary>
    [LibraryImport(Library, EntryPoint = "wasmtime_frame_func_name")]
    public static partial NativeVector* FrameFunctionName(nint frame);
}
