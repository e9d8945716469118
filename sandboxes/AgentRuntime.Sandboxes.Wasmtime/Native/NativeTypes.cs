using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// Bools are bytes, strings are pointers and lengths: nothing is marshalled behind the signatures' back.
[assembly: DisableRuntimeMarshalling]

namespace AgentRuntime.Sandboxes.Wasmtime.Native;

// The C structures that cross the boundary by value or by pointer, as crates/c-api/include of Wasmtime 36.0.14 and
// 48.0.0 declare them. Sizes and offsets were compared with a C compiler's and are pinned by NativeLayoutTests.

/// <summary>wasm.h, <c>WASM_DECLARE_VEC</c>: <c>wasm_byte_vec_t</c>, and every vector of pointers.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeVector
{
    public nuint Size;
    public void* Data;
}

/// <summary>wasmtime/extern.h: <c>wasmtime_func_t</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeFunction
{
    public ulong StoreId;
    public nint Private;
}

/// <summary>
/// wasmtime/extern.h: <c>wasmtime_memory_t</c>, and <c>wasmtime_table_t</c>, which has the same shape: an inner
/// structure of 16 bytes, padded, and then four bytes more.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 24)]
internal struct NativeMemory
{
    public ulong StoreId;
    public uint Private1;
    private readonly uint _padding;
    public uint Private2;
}

/// <summary>wasmtime/extern.h: <c>wasmtime_global_t</c>.</summary>
[StructLayout(LayoutKind.Sequential, Size = 24)]
internal struct NativeGlobal
{
    public ulong StoreId;
    public uint Private1;
    public uint Private2;
    public uint Private3;
}

/// <summary>wasmtime/extern.h: <c>wasmtime_extern_t</c>: a kind of one byte and a union of 24.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct NativeExtern
{
    [FieldOffset(0)]
    public ExternTag Kind;

    [FieldOffset(8)]
    public NativeFunction Function;

    [FieldOffset(8)]
    public NativeMemory Memory;

    [FieldOffset(8)]
    public NativeGlobal Global;
}

/// <summary>wasmtime/extern.h: <c>WASMTIME_EXTERN_*</c>.</summary>
internal enum ExternTag : byte
{
    Function = 0,
    Global = 1,
    Table = 2,
    Memory = 3,
    SharedMemory = 4,
}

/// <summary>wasmtime/instance.h: <c>wasmtime_instance_t</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeInstance
{
    public ulong StoreId;
    public nuint Private;
}

/// <summary>
/// wasmtime/val.h: <c>wasmtime_val_raw_t</c>, a union without a tag: 16 bytes, aligned to 8, little-endian. Only the
/// bytes of the value's type are meant; the rest is whatever was there.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct NativeValue
{
    [FieldOffset(0)]
    public uint I32;

    [FieldOffset(0)]
    public ulong Low;

    [FieldOffset(8)]
    public ulong High;
}

/// <summary>wasm.h: <c>wasm_valkind_enum</c>, with 4 for v128 as wasmtime/val.h numbers it and the library
/// accepts.</summary>
internal enum ValueKind : byte
{
    I32 = 0,
    I64 = 1,
    F32 = 2,
    F64 = 3,
    V128 = 4,
    ExternRef = 128,
    FuncRef = 129,
}

/// <summary>wasm.h: <c>wasm_externkind_enum</c>, which is numbered otherwise than the binary format.</summary>
internal enum ExternTypeKind : byte
{
    Function = 0,
    Global = 1,
    Table = 2,
    Memory = 3,
}
