using System.Collections.Concurrent;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>The delegate types of indirect calls. They follow from the signature alone, across modules.</summary>
internal static class DelegateTypes
{
    /// <summary>With more parameters the arguments and results go through the value buffer.</summary>
    public const int MaxParameters = 14;

    /// <summary>
    /// Signatures that get a delegate type of their own. The runtime never frees those, and a guest may invent any
    /// number of signatures: later ones go through the buffer.
    /// </summary>
    private const int MaxSignatures = 8_192;

    private static readonly Lock Gate = new();
    private static readonly ConcurrentDictionary<FunctionType, Type> Known = new();

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

    /// <summary>Whether arguments and results go through the value buffer.</summary>
    public static bool IsWide(FunctionType type) => Of(type) == typeof(Action<int>) && !IsNothingToNothing(type);

    /// <summary>Parameters, then the remaining call depth, then the first result if there is one.</summary>
    public static Type Of(FunctionType type)
    {
        if (type.Parameters.Length > MaxParameters) return typeof(Action<int>);
        if (Known.TryGetValue(type, out var known)) return known;
        lock (Gate)
        {
            if (Known.TryGetValue(type, out known)) return known;
            // Whether a signature is wide must not change once it was asked: what came too late stays out.
            if (Known.Count >= MaxSignatures && !IsNothingToNothing(type)) return typeof(Action<int>);
            return Known[type] = Make(type);
        }
    }

    private static bool IsNothingToNothing(FunctionType type) => type.Parameters.Length == 0 && type.Results.Length == 0;

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
