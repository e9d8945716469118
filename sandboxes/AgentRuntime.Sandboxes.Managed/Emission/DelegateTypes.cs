using System.Collections.Concurrent;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>The delegate types of indirect calls. They follow from the signature alone, across modules.</summary>
internal static class DelegateTypes
{
    /// <summary>With more parameters the arguments and results go through the value buffer.</summary>
    public const int MaxParameters = 14;

    /// <summary>With so many parameters or fewer, any mixture of numbers has a delegate type.</summary>
    private const int AnyMixture = 5;

    private static readonly ConcurrentDictionary<FunctionType, Type> Known = new();

    private static readonly Type[] Actions =
    [
        typeof(Action<>), typeof(Action<,>), typeof(Action<,,>), typeof(Action<,,,>), typeof(Action<,,,,>),
        typeof(Action<,,,,,>), typeof(Action<,,,,,,>), typeof(Action<,,,,,,,>), typeof(Action<,,,,,,,,>),
        typeof(Action<,,,,,,,,,>), typeof(Action<,,,,,,,,,,>), typeof(Action<,,,,,,,,,,,>),
            typeof(Action<,,,,,,,,,,,,>),
        typeof(Action<,,,,,,,,,,,,,>), typeof(Action<,,,,,,,,,,,,,,>),
    ];

    private static readonly Type[] Functions =
    [
        typeof(Func<,>), typeof(Func<,,>), typeof(Func<,,,>), typeof(Func<,,,,>), typeof(Func<,,,,,>),
            typeof(Func<,,,,,,>),
        typeof(Func<,,,,,,,>), typeof(Func<,,,,,,,,>), typeof(Func<,,,,,,,,,>), typeof(Func<,,,,,,,,,,>),
        typeof(Func<,,,,,,,,,,,>), typeof(Func<,,,,,,,,,,,,>), typeof(Func<,,,,,,,,,,,,,>),
            typeof(Func<,,,,,,,,,,,,,,>),
        typeof(Func<,,,,,,,,,,,,,,,>),
    ];

    /// <summary>Whether arguments and results go through the value buffer.</summary>
    public static bool IsWide(FunctionType type) => Of(type) == typeof(Action<int>) && !IsNothingToNothing(type);

    /// <summary>Parameters, then the remaining call depth, then the first result if there is one.</summary>
    public static Type Of(FunctionType type)
    {
        if (!IsUsual(type)) return typeof(Action<int>);
        // Results behind the first go through the buffer, and are no part of the shape.
        var shape = type.Results.Length <= 1 ? type : new(type.Parameters.ToArray(), [type.Results[0]]);
        return Known.GetOrAdd(shape, Make);
    }

    /// <summary>
    /// The signatures that have a delegate type: those of few parameters, and of more where all but one are i32, as in
    /// what compilers write. The runtime never frees these types, and guests invent any number of signatures; so that
    /// there are 8,220 in all, whatever guests there were, and none can take them from another.
    /// </summary>
    internal static bool IsUsual(FunctionType type)
    {
        if (type.Parameters.Length > MaxParameters) return false;
        var others = 0;
        foreach (var parameter in type.Parameters)
        {
            if (!IsNumber(parameter)) return false;
            if (parameter != WasmValueType.I32) others++;
        }

        return (type.Parameters.Length <= AnyMixture || others <= 1)
            && (type.Results.Length == 0 || IsNumber(type.Results[0]));
    }

    private static bool IsNumber(WasmValueType type) =>
        type is WasmValueType.I32 or WasmValueType.I64 or WasmValueType.F32 or WasmValueType.F64;

    private static bool IsNothingToNothing(FunctionType type) =>
        type.Parameters.Length == 0 && type.Results.Length == 0;

    private static Type Make(FunctionType type)
    {
        var arguments = new List<Type>();
        foreach (var parameter in type.Parameters) arguments.Add(ClrTypes.Of(parameter));
        arguments.Add(typeof(int));
        var count = arguments.Count - 1;
        if (type.Results.Length == 0) return Actions[count].MakeGenericType([.. arguments]);
        arguments.Add(ClrTypes.Of(type.Results[0]));
        return Functions[count].MakeGenericType([.. arguments]);
    }
}
