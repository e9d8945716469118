using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Policies as Cedar text, made from their trees: comments are not in those, so this is not the formatter.
/// </summary>
internal static class PolicyText
{
    public static string Write(CedarPolicy policy)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in policy.AnnotationList)
        {
            text.Append('@').Append(name);
            if (value is not null) text.Append('(').Append(StringEscapes.Quote(value)).Append(')');
            text.Append('\n');
        }

        text.Append(policy.Effect == CedarEffect.Permit ? "permit (\n  principal" : "forbid (\n  principal");
        AppendScope(text, policy.Principal, "?principal");
        text.Append(",\n  action");
        AppendScope(text, policy.Action, "");
        text.Append(",\n  resource");
        AppendScope(text, policy.Resource, "?resource");
        text.Append("\n)");
        foreach (var condition in policy.Conditions)
        {
            text.Append(condition.IsUnless ? "\nunless { " : "\nwhen { ");
            ExprText.Append(text, condition.Body);
            text.Append(" }");
        }

        return text.Append(';').ToString();
    }

    private static void AppendScope(StringBuilder text, CedarScope scope, string slot)
    {
        switch (scope.Operator)
        {
            case CedarScopeOperator.Any: return;
            case CedarScopeOperator.Equal: text.Append(" == "); break;
            case CedarScopeOperator.In: text.Append(" in "); break;
            case CedarScopeOperator.Is: text.Append(" is ").Append(scope.EntityType); return;
            default: text.Append(" is ").Append(scope.EntityType).Append(" in "); break;
        }

        if (scope.HasSlot) text.Append(slot);
        else if (scope.IsList) text.Append('[').AppendJoin(", ", scope.Entities).Append(']');
        else text.Append(scope.Entity);
    }
}
