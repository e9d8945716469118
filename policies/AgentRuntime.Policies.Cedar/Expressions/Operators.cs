using System.Collections.Frozen;

namespace AgentRuntime.Policies.Cedar;

/// <summary>Operators by the names that they have in text and in JSON.</summary>
internal static class Operators
{
    public static FrozenDictionary<string, BinaryOperator> BinaryByName { get; } =
        Enum.GetValues<BinaryOperator>().Where(o => o != BinaryOperator.None)
            .ToFrozenDictionary(Name, o => o, StringComparer.Ordinal);

    public static string Name(BinaryOperator @operator) => @operator switch
    {
        BinaryOperator.Equal => "==",
        BinaryOperator.NotEqual => "!=",
        BinaryOperator.Less => "<",
        BinaryOperator.LessEqual => "<=",
        BinaryOperator.Greater => ">",
        BinaryOperator.GreaterEqual => ">=",
        BinaryOperator.In => "in",
        BinaryOperator.Add => "+",
        BinaryOperator.Subtract => "-",
        BinaryOperator.Multiply => "*",
        BinaryOperator.Contains => "contains",
        BinaryOperator.ContainsAll => "containsAll",
        BinaryOperator.ContainsAny => "containsAny",
        BinaryOperator.GetTag => "getTag",
        BinaryOperator.HasTag => "hasTag",
        _ => throw new ArgumentOutOfRangeException(nameof(@operator)),
    };

    public static bool IsMethod(BinaryOperator @operator) => @operator >= BinaryOperator.Contains;

    public static string Name(Variable variable) => variable switch
    {
        Variable.Principal => "principal",
        Variable.Action => "action",
        Variable.Resource => "resource",
        Variable.Context => "context",
        _ => throw new ArgumentOutOfRangeException(nameof(variable)),
    };

    public static Variable VariableByName(string name) => name switch
    {
        "principal" => Variable.Principal,
        "action" => Variable.Action,
        "resource" => Variable.Resource,
        "context" => Variable.Context,
        _ => Variable.None,
    };
}
