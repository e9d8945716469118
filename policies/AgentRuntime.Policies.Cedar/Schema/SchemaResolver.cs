namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Gives every name of a schema its meaning. An unqualified name is looked for in its namespace as a common type, then
/// as an entity type, then the same in the empty namespace, then among the built-in types (Cedar RFC 24, RFC 70).
/// </summary>
internal sealed partial class SchemaResolver
{
    private readonly SchemaSyntax _syntax;
    private readonly CedarLimits _limits;
    private readonly List<CedarDiagnostic> _errors;
    private readonly Dictionary<string, EntityTypeSyntax> _entityTypes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (NamespaceSyntax In, CommonTypeSyntax Type)> _commonTypes =
        new(StringComparer.Ordinal);

    private readonly Dictionary<string, CedarType?> _resolved = new(StringComparer.Ordinal);
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);
    private readonly Dictionary<EntityUid, ActionInfo> _actions = [];

    private SchemaResolver(SchemaSyntax syntax, CedarLimits limits, List<CedarDiagnostic> errors) =>
        (_syntax, _limits, _errors) = (syntax, limits, errors);

    public static CedarSchema? Resolve(SchemaSyntax syntax, CedarLimits limits, List<CedarDiagnostic> errors)
    {
        var resolver = new SchemaResolver(syntax, limits, errors);
        resolver.Declare();
        if (errors.Count > 0) return null;
        var entityTypes = resolver.ResolveEntityTypes();
        resolver.ResolveActions();
        if (errors.Count > 0) return null;
        resolver.CloseActions();
        return errors.Count > 0 ? null : new(syntax, entityTypes, resolver._actions);
    }

    private static string Qualify(string @namespace, string name) =>
        @namespace.Length == 0 ? name : $"{@namespace}::{name}";

    private void Fail(SourcePosition at, string code, string message, string? suggestion = null)
    {
        if (_errors.Count < _limits.MaximumDiagnostics)
            _errors.Add(new(CedarSeverity.Error, code, message, at, null, suggestion));
    }

    private void Declare()
    {
        foreach (var space in _syntax.Namespaces)
        {
            foreach (var type in space.EntityTypes)
            {
                var name = Qualify(space.Name, type.Name.Name);
                if (type.Name.Name == "Action")
                    Fail(type.Name.Position, "reservedIdentifier", "an entity type cannot be called `Action`");
                if (!_entityTypes.TryAdd(name, type))
                    Fail(type.Name.Position, "duplicateType", $"the entity type `{name}` is declared twice");
            }

            foreach (var type in space.CommonTypes)
            {
                var name = Qualify(space.Name, type.Name.Name);
                if (!_commonTypes.TryAdd(name, (space, type)))
                    Fail(type.Name.Position, "duplicateType", $"the type `{name}` is declared twice");
            }

            foreach (var action in space.Actions)
            {
                var uid = new EntityUid(Qualify(space.Name, "Action"), action.Name.Name, trusted: true);
                if (!_actions.TryAdd(uid, null!))
                    Fail(action.Name.Position, "duplicateAction", $"the action `{uid}` is declared twice");
            }
        }

        CheckShadowing();
    }

    // RFC 70: what the empty namespace declares, no other may declare again.
    private void CheckShadowing()
    {
        foreach (var space in _syntax.Namespaces)
        {
            if (space.Name.Length == 0) continue;
            foreach (var name in space.EntityTypes.Select(e => e.Name).Concat(space.CommonTypes.Select(c => c.Name)))
            {
                if (_entityTypes.ContainsKey(name.Name) || _commonTypes.ContainsKey(name.Name))
                    Fail(name.Position, "shadowing", $"`{space.Name}::{name.Name}` shadows `{name.Name}`");
            }

            foreach (var action in space.Actions)
            {
                if (_actions.ContainsKey(new("Action", action.Name.Name, trusted: true)))
                    Fail(action.Name.Position, "shadowing",
                        $"the action `{action.Name.Name}` of `{space.Name}` shadows one");
            }
        }
    }

    private Dictionary<string, EntityTypeInfo> ResolveEntityTypes()
    {
        var infos = new Dictionary<string, EntityTypeInfo>(StringComparer.Ordinal);
        foreach (var space in _syntax.Namespaces)
        {
            foreach (var type in space.EntityTypes)
            {
                var name = Qualify(space.Name, type.Name.Name);
                var attributes = RecordType.Empty;
                if (type.Shape is not null && ResolveType(space.Name, type.Shape, 0) is { } shape)
                {
                    if (shape is RecordType record) attributes = record;
                    else Fail(type.Name.Position, "shape", $"the shape of `{name}` is not a record");
                }

                var tags = type.Tags is null ? null : ResolveType(space.Name, type.Tags, 0);
                var info = new EntityTypeInfo(name, attributes, tags, type.EnumIds);
                infos[name] = info;
                foreach (var parent in type.MemberOf)
                    if (ResolveEntityType(space.Name, parent) is { } found) info.ParentTypes.Add(found);
            }
        }

        foreach (var info in infos.Values) CloseParents(info, infos);
        return infos;
    }

    private static void CloseParents(EntityTypeInfo info, Dictionary<string, EntityTypeInfo> infos)
    {
        var waiting = new Stack<string>(info.ParentTypes);
        while (waiting.TryPop(out var parent))
        {
            if (!info.AncestorTypes.Add(parent)) continue;
            foreach (var above in infos[parent].ParentTypes) waiting.Push(above);
        }
    }

    private string? ResolveEntityType(string @namespace, NameSyntax name)
    {
        foreach (var candidate in Candidates(@namespace, name.Name))
            if (_entityTypes.ContainsKey(candidate)) return candidate;
        Fail(name.Position, "unknownEntityType", $"there is no entity type `{name.Name}`", Suggest(name.Name));
        return null;
    }

    private static IEnumerable<string> Candidates(string @namespace, string name)
    {
        if (@namespace.Length > 0 && !name.Contains("::", StringComparison.Ordinal))
            yield return $"{@namespace}::{name}";
        yield return name;
    }

    private string? Suggest(string name) =>
        Spelling.Nearest(name, _entityTypes.Keys.Concat(_commonTypes.Keys)) is { } near
            ? $"did you mean `{near}`?" : null;
}
