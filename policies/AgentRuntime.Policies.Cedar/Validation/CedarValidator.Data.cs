namespace AgentRuntime.Policies.Cedar;

public static partial class CedarValidator
{
    /// <summary>Why a request does not fit a schema; null when it does.</summary>
    public static CedarDiagnostic? ValidateRequest(CedarSchema schema, CedarRequest request)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(request);
        if (!schema.ActionInfos.TryGetValue(request.Action, out var action))
            return Problem("undeclaredAction", $"action `{request.Action}` does not exist in the supplied schema");
        if (CheckActor(schema, request.Principal, "principal", action, action.Principals) is { } principal)
            return principal;
        if (CheckActor(schema, request.Resource, "resource", action, action.Resources) is { } resource) return resource;
        var values = new ValueValidation(schema);
        return values.Fits(CedarValue.Record(request.Context), action.Context)
            ? null
            : Problem("invalidContext", $"context `{request.Context}` is not valid for `{request.Action}`");
    }

    /// <summary>Why each entity that does not fit a schema does not, in the order of the store.</summary>
    public static IReadOnlyList<CedarDiagnostic> ValidateEntities(CedarSchema schema, CedarEntities entities)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(entities);
        var problems = new List<CedarDiagnostic>();
        foreach (var entity in entities.All)
            if (ValidateEntity(schema, entity, entities.AncestorsOf(entity.Uid)) is { } problem) problems.Add(problem);
        return problems;
    }

    /// <summary>Why an entity does not fit a schema; null when it does.</summary>
    public static CedarDiagnostic? ValidateEntity(
        CedarSchema schema, CedarEntity entity, IReadOnlyList<EntityUid> ancestors)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(entity);
        ArgumentNullException.ThrowIfNull(ancestors);
        var uid = entity.Uid;
        var values = new ValueValidation(schema);
        if (SchemaFacts.IsAction(uid.Type)) return ValidateAction(schema, entity, ancestors);
        if (!schema.EntityTypeInfos.TryGetValue(uid.Type, out var type))
            return Problem(
                "unexpectedEntityType", $"entity `{uid}` has type `{uid.Type}` which is not declared in the schema");
        if (!values.IsDeclared(uid))
            return Problem(
                "invalidEnumEntity", $"entity `{uid}` is not one of the declared ids of its enumerated type");
        if (values.Mismatch(entity.Attributes, type.Attributes) is { } attribute)
            return Problem(
                "attributeMismatch", $"attribute `{attribute}` on `{uid}` is missing, unexpected or of the wrong type");
        foreach (var ancestor in ancestors)
        {
            if (!values.IsDeclared(ancestor) || !type.AncestorTypes.Contains(ancestor.Type))
                return Problem(
                    "invalidAncestorType", $"`{uid}` is not allowed to have an ancestor of type `{ancestor.Type}`");
        }

        for (var i = 0; i < entity.Tags.Count; i++)
        {
            if (type.Tags is null || !values.Fits(entity.Tags.Values[i], type.Tags))
                return Problem(
                    "tagMismatch", $"tag `{entity.Tags.Keys[i]}` on `{uid}` is unexpected or of the wrong type");
        }

        return null;
    }

    private static CedarDiagnostic? ValidateAction(
        CedarSchema schema, CedarEntity entity, IReadOnlyList<EntityUid> ancestors)
    {
        if (!schema.ActionInfos.TryGetValue(entity.Uid, out var action))
            return Problem(
                "undeclaredAction",
                $"found action entity `{entity.Uid}`, but it was not declared as an action in the schema");
        return entity.Attributes.Count == 0 && entity.Tags.Count == 0 && action.Ancestors.SetEquals(ancestors)
            ? null
            : Problem("actionMismatch", $"definition of action `{entity.Uid}` does not match its schema declaration");
    }

    private static CedarDiagnostic? CheckActor(
        CedarSchema schema, EntityUid uid, string role, ActionInfo action, string[] types)
    {
        if (!schema.EntityTypeInfos.ContainsKey(uid.Type))
            return Problem("undeclaredEntityType", $"{role} type `{uid.Type}` is not declared in the schema");
        if (!new ValueValidation(schema).IsDeclared(uid))
            return Problem(
                "invalidEnumEntity", $"entity `{uid}` is not one of the declared ids of its enumerated type");
        return types.Contains(uid.Type)
            ? null
            : Problem("invalidEntityType", $"{role} type `{uid.Type}` is not valid for `{action.Uid}`");
    }

    private static CedarDiagnostic Problem(string code, string message) =>
        new(CedarSeverity.Error, code, message, SourcePosition.None);
}
