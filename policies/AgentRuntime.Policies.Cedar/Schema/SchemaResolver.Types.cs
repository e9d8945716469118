namespace AgentRuntime.Policies.Cedar;

internal sealed partial class SchemaResolver
{
    private CedarType? ResolveType(string @namespace, TypeSyntax type, int depth)
    {
        if (depth > _limits.MaximumDepth) return TooDeep(type.Position);
        switch (type)
        {
            case SetTypeSyntax set:
                return ResolveType(@namespace, set.Element, depth + 1) is { } element
                    ? Bounded(new SetType(element), type.Position)
                    : null;
            case RecordTypeSyntax record:
                var attributes = new SortedDictionary<string, AttributeType>(StringComparer.Ordinal);
                foreach (var attribute in record.Attributes)
                {
                    if (ResolveType(@namespace, attribute.Type, depth + 1) is not { } found) return null;
                    attributes[attribute.Name] = new(found, attribute.IsRequired);
                }

                return Bounded(new RecordType(attributes, record.IsOpen), type.Position);
            case NamedTypeSyntax named: return ResolveName(@namespace, named, depth);
            default: throw new InvalidOperationException($"No type for {type.GetType().Name}.");
        }
    }

    private CedarType? ResolveName(string @namespace, NamedTypeSyntax named, int depth)
    {
        switch (named.Role)
        {
            case NameRole.Primitive when BuiltIn(named.Name) is { } primitive and not ExtensionType: return primitive;
            case NameRole.Extension when ExtensionType.Find(named.Name) is { } extension: return extension;
            case NameRole.Entity:
                return ResolveEntityType(@namespace, new(named.Name, named.Position)) is { } name
                    ? new EntityType(name)
                    : null;
            case NameRole.EntityOrCommon:
                foreach (var candidate in Candidates(@namespace, named.Name))
                {
                    if (_commonTypes.TryGetValue(candidate, out var common))
                        return ResolveCommon(candidate, common, depth);
                    if (_entityTypes.ContainsKey(candidate)) return new EntityType(candidate);
                }

                var builtIn = named.Name.StartsWith("__cedar::", StringComparison.Ordinal)
                    ? named.Name[9..] : named.Name;
                if (BuiltIn(builtIn) is { } found) return found;
                break;
            default: break;
        }

        Fail(named.Position, "unknownType", $"there is no type `{named.Name}`", Suggest(named.Name));
        return null;
    }

    private CedarType? ResolveCommon(string name, (NamespaceSyntax In, CommonTypeSyntax Type) common, int depth)
    {
        if (_resolved.TryGetValue(name, out var known)) return known;
        if (!_open.Add(name))
        {
            Fail(common.Type.Name.Position, "cycle", $"the type `{name}` is defined by itself");
            return null;
        }

        var type = ResolveType(common.In.Name, common.Type.Type, depth + 1);
        _open.Remove(name);
        return _resolved[name] = type;
    }

    private CedarType? Bounded(CedarType type, SourcePosition at) =>
        type.Depth <= _limits.MaximumDepth ? type : TooDeep(at);

    private CedarType? TooDeep(SourcePosition at)
    {
        Fail(at, "limit", $"the type nests deeper than {_limits.MaximumDepth} levels");
        return null;
    }

    private static CedarType? BuiltIn(string name) => name switch
    {
        "String" => StringType.Instance,
        "Long" => LongType.Instance,
        "Bool" or "Boolean" => BoolType.Any,
        _ => ExtensionType.Find(name),
    };

    private void ResolveActions()
    {
        // Common types that nothing uses are read too, so that their errors are seen.
        foreach (var (name, common) in _commonTypes) ResolveCommon(name, common, 0);
        foreach (var space in _syntax.Namespaces)
        {
            foreach (var action in space.Actions)
            {
                var uid = new EntityUid(Qualify(space.Name, "Action"), action.Name.Name, trusted: true);
                var context = RecordType.Empty;
                if (action.AppliesTo?.Context is { } written && ResolveType(space.Name, written, 0) is { } type)
                {
                    if (type is RecordType record) context = record;
                    else Fail(written.Position, "context", $"the context of `{uid}` is not a record");
                }

                var info = new ActionInfo(
                    uid,
                    ResolveAll(space.Name, action.AppliesTo?.Principals),
                    ResolveAll(space.Name, action.AppliesTo?.Resources),
                    context);
                foreach (var parent in action.MemberOf)
                    if (ResolveActionRef(space.Name, parent) is { } found) info.Parents.Add(found);
                _actions[uid] = info;
            }
        }
    }

    private string[] ResolveAll(string @namespace, NameSyntax[]? names)
    {
        var found = new List<string>();
        foreach (var name in names ?? [])
            if (ResolveEntityType(@namespace, name) is { } type && !found.Contains(type)) found.Add(type);
        return [.. found];
    }

    private EntityUid? ResolveActionRef(string @namespace, ActionRefSyntax reference)
    {
        foreach (var type in Candidates(@namespace, reference.Type ?? "Action"))
        {
            var uid = new EntityUid(type, reference.Id, trusted: true);
            if (_actions.ContainsKey(uid)) return uid;
        }

        var shown = reference.Type is null ? reference.Id : $"{reference.Type}::{StringEscapes.Quote(reference.Id)}";
        Fail(reference.Position, "unknownAction", $"there is no action `{shown}`");
        return null;
    }

    private void CloseActions()
    {
        foreach (var info in _actions.Values)
        {
            var waiting = new Stack<EntityUid>(info.Parents);
            while (waiting.TryPop(out var parent))
            {
                if (!info.Ancestors.Add(parent)) continue;
                foreach (var above in _actions[parent].Parents) waiting.Push(above);
            }

            if (info.Ancestors.Contains(info.Uid))
                Fail(SourcePosition.None, "cycle", $"the action `{info.Uid}` is in itself");
        }
    }
}
