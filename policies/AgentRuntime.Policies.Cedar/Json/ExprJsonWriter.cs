using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>Expressions and values as JSON, in the shapes that the reference implementation writes.</summary>
internal static class ExprJsonWriter
{
    // A longer chain is written as a balanced tree, which means the same and nests less.
    private const int LeaningChain = 16;

    public static void Write(Utf8JsonWriter json, Expr expr)
    {
        json.WriteStartObject();
        switch (expr)
        {
            case LiteralExpr literal:
                json.WritePropertyName("Value");
                JsonValueWriter.Write(json, literal.Value);
                break;
            case VariableExpr variable: json.WriteString("Var", Operators.Name(variable.Variable)); break;
            case UnknownExpr unknown:
                json.WriteStartArray("unknown");
                Write(json, new LiteralExpr(CedarValue.String(unknown.Name)));
                json.WriteEndArray();
                break;
            case IfExpr choice:
                json.WriteStartObject("if-then-else");
                Child(json, "if", choice.Condition);
                Child(json, "then", choice.Then);
                Child(json, "else", choice.Else);
                json.WriteEndObject();
                break;
            case LogicalExpr logical: WriteLogical(json, logical.IsAnd ? "&&" : "||", logical.Operands); break;
            case UnaryExpr unary:
                json.WriteStartObject(unary.Operator switch
                {
                    UnaryOperator.Not => "!",
                    UnaryOperator.Negate => "neg",
                    _ => "isEmpty",
                });
                Child(json, "arg", unary.Operand);
                json.WriteEndObject();
                break;
            case BinaryExpr binary:
                json.WriteStartObject(Operators.Name(binary.Operator));
                Child(json, "left", binary.Left);
                Child(json, "right", binary.Right);
                json.WriteEndObject();
                break;
            case AttributeExpr attribute:
                json.WriteStartObject(".");
                Child(json, "left", attribute.Target);
                json.WriteString("attr", attribute.Name);
                json.WriteEndObject();
                break;
            case HasExpr has: WriteHas(json, has); break;
            default: WriteStructure(json, expr); break;
        }

        json.WriteEndObject();
    }

    private static void WriteStructure(Utf8JsonWriter json, Expr expr)
    {
        switch (expr)
        {
            case LikeExpr like:
                json.WriteStartObject("like");
                Child(json, "left", like.Target);
                WritePattern(json, like.Pattern);
                json.WriteEndObject();
                break;
            case IsExpr @is:
                json.WriteStartObject("is");
                Child(json, "left", @is.Target);
                json.WriteString("entity_type", @is.EntityType);
                if (@is.Ancestor is not null) Child(json, "in", @is.Ancestor);
                json.WriteEndObject();
                break;
            case SetExpr set:
                json.WriteStartArray("Set");
                foreach (var member in set.Members) Write(json, member);
                json.WriteEndArray();
                break;
            case RecordExpr record:
                json.WriteStartObject("Record");
                for (var i = 0; i < record.Keys.Length; i++) Child(json, record.Keys[i], record.Values[i]);
                json.WriteEndObject();
                break;
            case CallExpr call:
                json.WriteStartArray(call.Function.Name);
                foreach (var argument in call.Arguments) Write(json, argument);
                json.WriteEndArray();
                break;
            default: throw new InvalidOperationException($"No JSON for {expr.GetType().Name}.");
        }
    }

    private static void Child(Utf8JsonWriter json, string name, Expr child)
    {
        json.WritePropertyName(name);
        Write(json, child);
    }

    private static void WriteLogical(Utf8JsonWriter json, string name, ReadOnlySpan<Expr> operands)
    {
        var split = operands.Length > LeaningChain ? operands.Length / 2 : operands.Length - 1;
        json.WriteStartObject(name);
        WriteSide(json, "left", name, operands[..split]);
        WriteSide(json, "right", name, operands[split..]);
        json.WriteEndObject();
    }

    private static void WriteSide(Utf8JsonWriter json, string side, string name, ReadOnlySpan<Expr> operands)
    {
        if (operands.Length == 1)
        {
            Child(json, side, operands[0]);
            return;
        }

        json.WriteStartObject(side);
        WriteLogical(json, name, operands);
        json.WriteEndObject();
    }

    // A path is written as what it stands for, which every version reads.
    private static void WriteHas(Utf8JsonWriter json, HasExpr has)
    {
        var target = has.Target;
        var steps = new Expr[has.Path.Length];
        for (var i = 0; i < steps.Length; i++)
        {
            steps[i] = new HasExpr(target, [has.Path[i]]);
            target = new AttributeExpr(target, has.Path[i]);
        }

        if (steps.Length > 1)
        {
            WriteLogical(json, "&&", steps);
            return;
        }

        json.WriteStartObject("has");
        Child(json, "left", has.Target);
        json.WriteString("attr", has.Path[0]);
        json.WriteEndObject();
    }

    // A character at a time, as the reference implementation does; reading joins them again.
    private static void WritePattern(Utf8JsonWriter json, LikePattern pattern)
    {
        json.WriteStartArray("pattern");
        for (var i = 0; i < pattern.Pieces.Length; i++)
        {
            if (i > 0) json.WriteStringValue("Wildcard");
            foreach (var rune in pattern.Pieces[i].EnumerateRunes())
            {
                json.WriteStartObject();
                json.WriteString("Literal", rune.ToString());
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
    }
}
