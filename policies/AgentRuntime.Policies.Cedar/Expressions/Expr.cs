namespace AgentRuntime.Policies.Cedar;

/// <summary>A node of a policy's condition. Immutable; offsets point into the policy's source, or are -1.</summary>
internal abstract class Expr
{
    public int Start { get; init; } = -1;

    public int Length { get; init; }

    /// <summary>One more than the deepest child: bounds every recursion over the tree.</summary>
    public required int Depth { get; init; }

    protected static int Above(Expr child) => child.Depth + 1;

    protected static int Above(Expr one, Expr two) => Math.Max(one.Depth, two.Depth) + 1;

    protected static int Above(ReadOnlySpan<Expr> children)
    {
        var depth = 0;
        foreach (var child in children) depth = Math.Max(depth, child.Depth);
        return depth + 1;
    }
}

internal enum Variable : byte
{
    None = 0,
    Principal,
    Action,
    Resource,
    Context,
}

/// <summary>A bool, long, string or entity literal.</summary>
internal sealed class LiteralExpr : Expr
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public LiteralExpr(CedarValue value)
    {
        Value = value;
        Depth = 1;
    }

    public CedarValue Value { get; }
}

internal sealed class VariableExpr : Expr
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public VariableExpr(Variable variable)
    {
        Variable = variable;
        Depth = 1;
    }

    public Variable Variable { get; }
}

/// <summary>Something that partial evaluation does not know; the parser never makes one.</summary>
internal sealed class UnknownExpr : Expr
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public UnknownExpr(string name)
    {
        Name = name;
        Depth = 1;
    }

    public string Name { get; }
}

internal sealed class IfExpr : Expr
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public IfExpr(Expr condition, Expr then, Expr @else)
    {
        (Condition, Then, Else) = (condition, then, @else);
        Depth = Above([condition, then, @else]);
    }

    public Expr Condition { get; }

    public Expr Then { get; }

    public Expr Else { get; }
}

/// <summary>A chain of <c>&amp;&amp;</c> or <c>||</c>, evaluated from left to right; at least two operands.</summary>
internal sealed class LogicalExpr : Expr
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public LogicalExpr(bool isAnd, Expr[] operands)
    {
        (IsAnd, Operands) = (isAnd, operands);
        Depth = Above(operands);
    }

    public bool IsAnd { get; }

    public Expr[] Operands { get; }
}

internal enum UnaryOperator : byte
{
    None = 0,
    Not,
    Negate,
    IsEmpty,
}

internal sealed class UnaryExpr : Expr
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public UnaryExpr(UnaryOperator @operator, Expr operand)
    {
        (Operator, Operand) = (@operator, operand);
        Depth = Above(operand);
    }

    public UnaryOperator Operator { get; }

    public Expr Operand { get; }
}

internal enum BinaryOperator : byte
{
    None = 0,
    Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, In,
    Add, Subtract, Multiply,
    Contains, ContainsAll, ContainsAny, GetTag, HasTag,
}

internal sealed class BinaryExpr : Expr
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public BinaryExpr(BinaryOperator @operator, Expr left, Expr right)
    {
        (Operator, Left, Right) = (@operator, left, right);
        Depth = Above(left, right);
    }

    public BinaryOperator Operator { get; }

    public Expr Left { get; }

    public Expr Right { get; }
}
