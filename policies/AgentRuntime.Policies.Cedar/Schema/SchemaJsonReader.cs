using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// The JSON form of schemas (Cedar reference, "JSON schema format"). Depth is bounded by the document's.
/// </summary>
internal static class SchemaJsonReader
{
    public static SchemaSyntax Read(JsonElement root)
    {
        var schema = new SchemaSyntax();
        foreach (var property in JsonReading.Object(root, "a schema"))
        {
            if (property.Name.Length > 0 && !CedarNames.IsName(property.Name))
                throw new CedarJsonException($"`{property.Name}` cannot be a namespace");
            schema.Namespaces.Add(ReadNamespace(property.Name, property.Value));
        }

        return schema;
    }

    private static NamespaceSyntax ReadNamespace(string name, JsonElement element)
    {
        var what = $"the namespace `{name}`";
        JsonReading.OnlyKnown(element, what, "commonTypes", "entityTypes", "actions", "annotations");
        var space = new NamespaceSyntax(name, ReadAnnotations(element, what));
        if (JsonReading.Optional(element, "commonTypes", what) is { } types)
        {
            foreach (var property in JsonReading.Object(types, "`commonTypes`"))
            {
                if (SchemaParser.IsReservedTypeName(property.Name))
                    throw new CedarJsonException($"`{property.Name}` cannot be the name of a type");
                var type = ReadType(property.Value, property.Name, isMember: true);
                space.CommonTypes.Add(
                    new(Identifier(property.Name), ReadAnnotations(property.Value, property.Name), type));
            }
        }

        foreach (var property in JsonReading.Object(
            JsonReading.Property(element, "entityTypes", what), "`entityTypes`"))
            space.EntityTypes.Add(ReadEntityType(property.Name, property.Value));
        foreach (var property in JsonReading.Object(JsonReading.Property(element, "actions", what), "`actions`"))
            space.Actions.Add(ReadAction(property.Name, property.Value));
        return space;
    }

    private static EntityTypeSyntax ReadEntityType(string name, JsonElement element)
    {
        var what = $"the entity type `{name}`";
        JsonReading.OnlyKnown(element, what, "memberOfTypes", "shape", "tags", "enum", "annotations");
        string[]? ids = null;
        if (JsonReading.Optional(element, "enum", what) is { } listed)
        {
            ids = [.. JsonReading.Array(listed, "`enum`").Select(e => JsonReading.String(e, "an id"))];
            if (ids.Length == 0) throw new CedarJsonException($"`enum` of {what} is empty");
            JsonReading.OnlyKnown(element, what, "enum", "annotations");
        }

        return new(
            Identifier(name),
            ReadAnnotations(element, what),
            ReadNames(element, "memberOfTypes", what),
            JsonReading.Optional(element, "shape", what) is { } shape ? ReadType(shape, what) : null,
            JsonReading.Optional(element, "tags", what) is { } tags ? ReadType(tags, what) : null,
            ids);
    }

    private static ActionSyntax ReadAction(string name, JsonElement element)
    {
        var what = $"the action `{name}`";
        JsonReading.OnlyKnown(element, what, "memberOf", "appliesTo", "attributes", "annotations");
        var parents = new List<ActionRefSyntax>();
        if (JsonReading.Optional(element, "memberOf", what) is { ValueKind: not JsonValueKind.Null } groups)
        {
            foreach (var group in JsonReading.Array(groups, "`memberOf`"))
            {
                JsonReading.OnlyKnown(group, "`memberOf`", "id", "type");
                var type = JsonReading.Optional(group, "type", "`memberOf`") is { } written
                    ? JsonReading.Name(written, "`type`")
                    : null;
                var id = JsonReading.String(JsonReading.Property(group, "id", "`memberOf`"), "`id`");
                parents.Add(new(type, id, SourcePosition.None));
            }
        }

        AppliesToSyntax? appliesTo = null;
        if (JsonReading.Optional(element, "appliesTo", what) is { ValueKind: not JsonValueKind.Null } applies)
        {
            JsonReading.OnlyKnown(applies, "`appliesTo`", "principalTypes", "resourceTypes", "context");
            JsonReading.Property(applies, "principalTypes", "`appliesTo`");
            JsonReading.Property(applies, "resourceTypes", "`appliesTo`");
            appliesTo = new(
                ReadNames(applies, "principalTypes", what),
                ReadNames(applies, "resourceTypes", what),
                JsonReading.Optional(applies, "context", what) is { } context ? ReadType(context, what) : null);
        }

        return new(new(name, SourcePosition.None), ReadAnnotations(element, what), [.. parents], appliesTo);
    }

    private static TypeSyntax ReadType(JsonElement element, string what, bool isMember = false)
    {
        var type = JsonReading.String(JsonReading.Property(element, "type", what), $"`type` in {what}");
        ReadOnlySpan<string> own = type switch
        {
            "Set" => ["element"],
            "Record" => ["attributes", "additionalAttributes"],
            "Entity" or "EntityOrCommon" or "Extension" => ["name"],
            _ => [],
        };
        JsonReading.OnlyKnown(
            element, what, [.. own, "type", .. isMember ? ["annotations", "required"] : Array.Empty<string>()]);
        switch (type)
        {
            case "String" or "Long": return Named(type, NameRole.Primitive);
            case "Boolean" or "Bool": return Named("Bool", NameRole.Primitive);
            case "Set": return new SetTypeSyntax(
                ReadType(JsonReading.Property(element, "element", what), what), SourcePosition.None);
            case "Record": return ReadRecord(element, what);
            case "Entity": return Named(Name(element, what), NameRole.Entity);
            case "EntityOrCommon": return Named(Name(element, what), NameRole.EntityOrCommon);
            case "Extension": return Named(Name(element, what), NameRole.Extension);
            default: return Named(TypeName(type, what), NameRole.EntityOrCommon);
        }
    }

    private static RecordTypeSyntax ReadRecord(JsonElement element, string what)
    {
        if (JsonReading.Optional(element, "additionalAttributes", what) is { } open
            && JsonReading.Bool(open, "`additionalAttributes`"))
            throw new CedarJsonException($"{what}: records with additional attributes are not supported");
        var attributes = new List<AttributeSyntax>();
        foreach (var property in JsonReading.Object(JsonReading.Property(element, "attributes", what), "`attributes`"))
        {
            var type = ReadType(property.Value, property.Name, isMember: true);
            var required = JsonReading.Optional(property.Value, "required", what) is not { } given
                || JsonReading.Bool(given, "`required`");
            attributes.Add(new(property.Name, ReadAnnotations(property.Value, what), type, required));
        }

        return new([.. attributes], IsOpen: false, SourcePosition.None);
    }

    private static NamedTypeSyntax Named(string name, NameRole role) => new(name, role, SourcePosition.None);

    private static string Name(JsonElement element, string what) =>
        TypeName(JsonReading.String(JsonReading.Property(element, "name", what), $"`name` in {what}"), what);

    // `__cedar::Long` and the like are names too, of the built-in types.
    private static string TypeName(string name, string what)
    {
        var bare = name.StartsWith("__cedar::", StringComparison.Ordinal) ? name[9..] : name;
        return CedarNames.IsName(bare) ? name : throw new CedarJsonException($"{what}: `{name}` is not a name");
    }

    private static NameSyntax Identifier(string name) =>
        CedarNames.IsIdentifier(name) && name != "__cedar"
            ? new(name, SourcePosition.None)
            : throw new CedarJsonException($"`{name}` is not a usable name");

    private static NameSyntax[] ReadNames(JsonElement element, string field, string what)
    {
        if (JsonReading.Optional(element, field, what) is not { } list) return [];
        return [.. JsonReading.Array(list, $"`{field}`").Select(
            n => new NameSyntax(JsonReading.Name(n, field), SourcePosition.None))];
    }

    private static List<KeyValuePair<string, string?>> ReadAnnotations(JsonElement element, string what)
    {
        var annotations = new List<KeyValuePair<string, string?>>();
        if (JsonReading.Optional(element, "annotations", what) is not { } written) return annotations;
        foreach (var property in JsonReading.Object(written, "`annotations`"))
        {
            if (!CedarNames.IsAnyIdentifier(property.Name))
                throw new CedarJsonException($"`{property.Name}` cannot name an annotation");
            var isNull = property.Value.ValueKind == JsonValueKind.Null;
            annotations.Add(new(property.Name, isNull ? null : JsonReading.String(property.Value, "an annotation")));
        }

        return annotations;
    }
}
