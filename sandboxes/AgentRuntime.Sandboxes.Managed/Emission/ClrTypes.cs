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

/// <summary>The delegate types of indirect calls. They follow from the signature alone, across modules.</summary>
internal static class DelegateTypes
{
    /// <summary>With more parameters the arguments and results go through the value buffer.</summary>
    public const int MaxParameters = 14;

    private static readonly Type[] Actions =
    [
        typeof(Action<>), typeof(Action<,>), typeof(Action<,,>), typeof(Action<,,,>), typeof(Action<,,,,>),
        typeof(Action<,,,,,>), typeof(Action<,,,,,,>), typeof(Action<,,,,,,,>), typeof(Action<,,,,,,,,>),
        typeof(Action<,,,,,,,,,>), typeof(Action<,,,,,,,,,,>), typeof(Action<,,,,,,,,,,,>), typeof(Action<,,,,,,,,,,,,>),
        typeof(Action<,,,,,,,,,,,,,>), typeof(Action<,,,,,,,,,,,,,,>),
    ];

    private static readonly Type[] Functions =
    [
        typeof(Func<,>), typeof(Func<,,>), typeof(Func<,,,>), typeof(Func<,,,,>), typeof(Func<,,,,,>), typeof(Func<,,,,,,>),
        typeof(Func<,,,,,,,>), typeof(Func<,,,,,,,,>), typeof(Func<,,,,,,,,,>), typeof(Func<,,,,,,,,,,>),
        typeof(Func<,,,,,,,,,,,>), typeof(Func<,,,,,,,,,,,,>), typeof(Func<,,,,,,,,,,,,,>), typeof(Func<,,,,,,,,,,,,,,>),
        typeof(Func<,,,,,,,,,,,,,,,>),
    ];

    public static bool IsWide(FunctionType type) => type.Parameters.Length > MaxParameters;

    /// <summary>Parameters, then the remaining call depth, then the first result if there is one.</summary>
    public static Type Of(FunctionType type)
    {
        if (IsWide(type)) return typeof(Action<int>);
        var arguments = new List<Type>();
        foreach (var parameter in type.Parameters) arguments.Add(ClrTypes.Of(parameter));
        arguments.Add(typeof(int));
        var count = arguments.Count - 1;
        if (type.Results.Length == 0) return Actions[count].MakeGenericType([.. arguments]);
        arguments.Add(ClrTypes.Of(type.Results[0]));
        return Functions[count].MakeGenericType([.. arguments]);
    }
}
