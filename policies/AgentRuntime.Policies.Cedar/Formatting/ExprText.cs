using System.Globalization;
using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Expressions as Cedar text on one line, with the parentheses that reading them back needs and no more.
/// </summary>
internal static class ExprText
{
    // How tightly an expression binds; a child is put in parentheses when it binds less than its place needs.
    private const int AnyLevel = 0;
    private const int OrLevel = 1;
    private const int AndLevel = 2;
    private const int RelationLevel = 3;
    private const int SumLevel = 4;
    private const int ProductLevel = 5;
    private const int UnaryLevel = 6;
    private const int MemberLevel = 7;

    public static string Write(Expr expr)
    {
        var text = new StringBuilder();
        Append(text, expr, AnyLevel);
        return text.ToString();
    }

    public static void Append(StringBuilder text, Expr expr) => Append(text, expr, AnyLevel);

    private static void Append(StringBuilder text, Expr expr, int needed)
    {
        var parenthesised = LevelOf(expr) < needed;
        if (parenthesised) text.Append('(');
        AppendBare(text, expr);
        if (parenthesised) text.Append(')');
    }

    private static int LevelOf(Expr expr) => expr switch
    {
        IfExpr => AnyLevel,
        LogicalExpr logical => logical.IsAnd ? AndLevel : OrLevel,
        HasExpr or LikeExpr or IsExpr => RelationLevel,
        BinaryExpr binary when Operators.IsMethod(binary.Operator) => MemberLevel,
        BinaryExpr { Operator: BinaryOperator.Add or BinaryOperator.Subtract } => SumLevel,
        BinaryExpr { Operator: BinaryOperator.Multiply } => ProductLevel,
        BinaryExpr => RelationLevel,
        UnaryExpr { Operator: UnaryOperator.IsEmpty } => MemberLevel,
        UnaryExpr => UnaryLevel,
        // A negative number starts with a minus, so a member access on it would bind to the number alone.
        LiteralExpr { Value.Kind: CedarValueKind.Long } literal when literal.Value.Bits < 0 => UnaryLevel,
        _ => MemberLevel,
    };

    private static void AppendBare(StringBuilder text, Expr expr)
    {
        switch (expr)
        {
            case LiteralExpr literal: text.Append(literal.Value.ToString()); break;
            case VariableExpr variable: text.Append(Operators.Name(variable.Variable)); break;
            case UnknownExpr unknown:
                text.Append("unknown(").Append(StringEscapes.Quote(unknown.Name)).Append(')'); break;
            case IfExpr choice:
                text.Append("if ");
                Append(text, choice.Condition);
                text.Append(" then ");
                Append(text, choice.Then);
                text.Append(" else ");
                Append(text, choice.Else);
                break;
            case LogicalExpr logical: AppendLogical(text, logical); break;
            case UnaryExpr unary: AppendUnary(text, unary); break;
            case BinaryExpr binary: AppendBinary(text, binary); break;
            case AttributeExpr attribute:
                Append(text, attribute.Target, MemberLevel);
                if (IsAttributeName(attribute.Name)) text.Append('.').Append(attribute.Name);
                else text.Append('[').Append(StringEscapes.Quote(attribute.Name)).Append(']');
                break;
            case HasExpr has: AppendHas(text, has); break;
            case LikeExpr like:
                Append(text, like.Target, SumLevel);
                text.Append(" like ").Append(like.Pattern);
                break;
            case IsExpr @is:
                Append(text, @is.Target, SumLevel);
                text.Append(" is ").Append(@is.EntityType);
                if (@is.Ancestor is null) break;
                text.Append(" in ");
                Append(text, @is.Ancestor, SumLevel);
                break;
            case SetExpr set:
                text.Append('[');
                AppendList(text, set.Members);
                text.Append(']');
                break;
            case RecordExpr record: AppendRecord(text, record); break;
            case CallExpr call: AppendCall(text, call); break;
            default: throw new InvalidOperationException($"No text for {expr.GetType().Name}.");
        }
    }

    public static bool IsAttributeName(string name) => CedarNames.IsIdentifier(name) && name != "__cedar";

    private static void AppendLogical(StringBuilder text, LogicalExpr logical)
    {
        for (var i = 0; i < logical.Operands.Length; i++)
        {
            if (i > 0) text.Append(logical.IsAnd ? " && " : " || ");
            Append(text, logical.Operands[i], logical.IsAnd ? RelationLevel : AndLevel);
        }
    }

    private static void AppendUnary(StringBuilder text, UnaryExpr unary)
    {
        if (unary.Operator == UnaryOperator.IsEmpty)
        {
            Append(text, unary.Operand, MemberLevel);
            text.Append(".isEmpty()");
            return;
        }

        // Each operator gets its own parentheses: `-(5)` is not the literal `-5`, and four in a row is the limit.
        text.Append(unary.Operator == UnaryOperator.Not ? '!' : '-');
        var bare = unary.Operator == UnaryOperator.Negate
            && unary.Operand is LiteralExpr { Value.Kind: CedarValueKind.Long };
        Append(text, unary.Operand, bare ? int.MaxValue : MemberLevel);
    }

    private static void AppendBinary(StringBuilder text, BinaryExpr binary)
    {
        var name = Operators.Name(binary.Operator);
        if (Operators.IsMethod(binary.Operator))
        {
            Append(text, binary.Left, MemberLevel);
            text.Append(CultureInfo.InvariantCulture, $".{name}(");
            Append(text, binary.Right);
            text.Append(')');
            return;
        }

        var (left, right) = binary.Operator switch
        {
            BinaryOperator.Add or BinaryOperator.Subtract => (SumLevel, ProductLevel),
            BinaryOperator.Multiply => (ProductLevel, UnaryLevel),
            _ => (SumLevel, SumLevel),
        };
        Append(text, binary.Left, left);
        text.Append(' ').Append(name).Append(' ');
        Append(text, binary.Right, right);
    }

    private static void AppendHas(StringBuilder text, HasExpr has)
    {
        if (has.Path.Length == 1 || has.Path.All(IsAttributeName))
        {
            Append(text, has.Target, SumLevel);
            text.Append(" has ");
            text.Append(has.Path.All(IsAttributeName) ? string.Join('.', has.Path) : StringEscapes.Quote(has.Path[0]));
            return;
        }

        // A path with a step that is no identifier has no short form.
        var target = has.Target;
        text.Append('(');
        for (var i = 0; i < has.Path.Length; i++)
        {
            if (i > 0) text.Append(" && ");
            AppendHas(text, new(target, [has.Path[i]]));
            target = new AttributeExpr(target, has.Path[i]);
        }

        text.Append(')');
    }

    private static void AppendList(StringBuilder text, ReadOnlySpan<Expr> items)
    {
        for (var i = 0; i < items.Length; i++)
        {
            if (i > 0) text.Append(", ");
            Append(text, items[i]);
        }
    }

    private static void AppendRecord(StringBuilder text, RecordExpr record)
    {
        text.Append('{');
        for (var i = 0; i < record.Keys.Length; i++)
        {
            if (i > 0) text.Append(", ");
            text.Append(IsAttributeName(record.Keys[i]) ? record.Keys[i] : StringEscapes.Quote(record.Keys[i])).Append(
                ": ");
            Append(text, record.Values[i]);
        }

        text.Append('}');
    }

    private static void AppendCall(StringBuilder text, CallExpr call)
    {
        if (!call.Function.IsMethod)
        {
            text.Append(call.Function.Name).Append('(');
            AppendList(text, call.Arguments);
            text.Append(')');
            return;
        }

        Append(text, call.Arguments[0], MemberLevel);
        text.Append('.').Append(call.Function.Name).Append('(');
        AppendList(text, call.Arguments.AsSpan(1));
        text.Append(')');
    }
}
