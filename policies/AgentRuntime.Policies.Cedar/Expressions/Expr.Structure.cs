using System.Diagnostics.CodeAnalysis;

namespace AgentRuntime.Policies.Cedar;

/// <summary><c>target.name</c> or <c>target["name"]</c>.</summary>
internal sealed class AttributeExpr : Expr
{
    [SetsRequiredMembers]
    public AttributeExpr(Expr target, string name)
    {
        (Target, Name) = (target, name);
        Depth = Above(target);
    }

    public Expr Target { get; }

    public string Name { get; }
}

/// <summary><c>target has a.b.c</c>: true when every step of the path exists (Cedar RFC 62).</summary>
internal sealed class HasExpr : Expr
{
    [SetsRequiredMembers]
    public HasExpr(Expr target, string[] path)
    {
        (Target, Path) = (target, path);
        Depth = target.Depth + path.Length;
    }

    public Expr Target { get; }

    public string[] Path { get; }
}

internal sealed class LikeExpr : Expr
{
    [SetsRequiredMembers]
    public LikeExpr(Expr target, LikePattern pattern)
    {
        (Target, Pattern) = (target, pattern);
        Depth = Above(target);
    }

    public Expr Target { get; }

    public LikePattern Pattern { get; }
}

/// <summary><c>target is Type</c>, optionally <c>in ancestor</c>.</summary>
internal sealed class IsExpr : Expr
{
    [SetsRequiredMembers]
    public IsExpr(Expr target, string entityType, Expr? ancestor)
    {
        (Target, EntityType, Ancestor) = (target, entityType, ancestor);
        Depth = ancestor is null ? Above(target) : Above(target, ancestor);
    }

    public Expr Target { get; }

    public string EntityType { get; }

    public Expr? Ancestor { get; }
}

internal sealed class SetExpr : Expr
{
    [SetsRequiredMembers]
    public SetExpr(Expr[] members)
    {
        Members = members;
        Depth = Above(members);
    }

    public Expr[] Members { get; }
}

internal sealed class RecordExpr : Expr
{
    [SetsRequiredMembers]
    public RecordExpr(string[] keys, Expr[] values)
    {
        (Keys, Values) = (keys, values);
        Depth = Above(values);
    }

    public string[] Keys { get; }

    public Expr[] Values { get; }
}

/// <summary>An extension constructor or method; a method's first argument is what it is called on.</summary>
internal sealed class CallExpr : Expr
{
    [SetsRequiredMembers]
    public CallExpr(ExtensionFunction function, Expr[] arguments)
    {
        (Function, Arguments) = (function, arguments);
        Depth = Above(arguments);
    }

    public ExtensionFunction Function { get; }

    public Expr[] Arguments { get; }
}
