namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Bounds how far a policy follows references from entity to entity (Cedar RFC 76; cedar-policy-core,
/// validator/level_validate.rs), so that it is known beforehand which entities a decision needs.
/// </summary>
internal sealed class LevelValidation(
    CedarPolicy policy, TypeChecker types, RequestEnvironment environment, int maximum, ValidationReport report)
{
    public void Check(Expr expr)
    {
        if (!types.WasReached(expr)) return;
        switch (expr)
        {
            case HasExpr { Path.Length: > 1 } has: Check(types.Expand(has)); break;
            case HasExpr has: CheckAccess(expr, has.Target); break;
            case AttributeExpr attribute: CheckAccess(expr, attribute.Target); break;
            case BinaryExpr { Operator: BinaryOperator.HasTag or BinaryOperator.GetTag or BinaryOperator.In } binary:
                CheckLevel(expr, LevelOf(binary.Left, []));
                Check(binary.Right);
                break;
            case IsExpr { Ancestor: not null } @is:
                Check(@is.Target);
                if (!types.WasReached(@is.Ancestor)) break;
                CheckLevel(expr, LevelOf(@is.Target, []));
                Check(@is.Ancestor);
                break;
            default:
                foreach (var child in PolicyExprs.Children(expr)) Check(child);
                break;
        }
    }

    private void CheckAccess(Expr expr, Expr target)
    {
        if (types.TypeOf(target) is EntityType or AnyEntityType) CheckLevel(expr, LevelOf(target, []));
        else Check(target);
    }

    private void CheckLevel(Expr at, int level)
    {
        if (level < maximum) return;
        Report(at, $"this policy requires level {level + 1}, which exceeds the maximum allowed level ({maximum})");
    }

    /// <summary>
    /// How many references lead to an entity; the path holds the attributes still to be read from a record.
    /// </summary>
    private int LevelOf(Expr expr, List<string> path)
    {
        switch (expr)
        {
            case LiteralExpr literal:
                if (!environment.Action.Uid.Equals(literal.Value.Reference))
                    Report(expr, "entity literals cannot be dereferenced at any level");
                return 0;
            case IfExpr choice:
                Check(choice.Condition);
                return Math.Max(BranchLevel(choice.Then, path), BranchLevel(choice.Else, path));
            case AttributeExpr attribute when types.TypeOf(attribute.Target) is RecordType:
                return LevelOf(attribute.Target, [.. path, attribute.Name]);
            case AttributeExpr attribute: return LevelOf(attribute.Target, path) + 1;
            case BinaryExpr { Operator: BinaryOperator.GetTag } tag:
                var level = LevelOf(tag.Left, path);
                Check(tag.Right);
                return level + 1;
            case RecordExpr record: return RecordLevel(record, path);
            default: return 0;
        }
    }

    private int BranchLevel(Expr branch, List<string> path) =>
        types.WasReached(branch) ? LevelOf(branch, [.. path]) : 0;

    private int RecordLevel(RecordExpr record, List<string> path)
    {
        var accessed = path.Count == 0 ? -1 : Array.IndexOf(record.Keys, path[^1]);
        for (var i = 0; i < record.Values.Length; i++)
            if (i != accessed) Check(record.Values[i]);
        return accessed < 0 ? 0 : LevelOf(record.Values[accessed], path[..^1]);
    }

    private void Report(Expr at, string message) =>
        report.Add(policy, policy.PositionOf(at), CedarValidationCodes.EntityDereferenceLevel, message);
}
