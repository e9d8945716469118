using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.Intrinsics;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>How WebAssembly's types and the accessors look in IL.</summary>
internal static class ClrTypes
{
    private static readonly ConcurrentDictionary<(Type, string), MethodInfo> Methods = new();

    public static Type Of(WasmValueType type) => type switch
    {
        WasmValueType.I32 => typeof(int),
        WasmValueType.I64 => typeof(long),
        WasmValueType.F32 => typeof(float),
        WasmValueType.F64 => typeof(double),
        WasmValueType.V128 => typeof(Vector128<byte>),
        _ => typeof(object),
    };

    /// <summary>How accessors that exist once per type end: <c>GetI32</c>, <c>SetRef</c>.</summary>
    public static string Suffix(WasmValueType type) => type switch
    {
        WasmValueType.I32 => "I32",
        WasmValueType.I64 => "I64",
        WasmValueType.F32 => "F32",
        WasmValueType.F64 => "F64",
        WasmValueType.V128 => "V128",
        _ => "Ref",
    };

    /// <summary>An accessor by name; every method that emitted code calls is found here.</summary>
    public static MethodInfo Accessor(Type holder, string name) => Methods.GetOrAdd((holder, name), static key =>
        key.Item1.GetMethod(key.Item2, BindingFlags.Static | BindingFlags.Public)
            ?? throw new MissingMethodException(key.Item1.Name, key.Item2));
}
