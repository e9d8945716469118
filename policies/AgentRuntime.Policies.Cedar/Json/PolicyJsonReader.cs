using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>Policies and policy sets in JSON (Cedar reference, "JSON policy format").</summary>
internal static class PolicyJsonReader
{
    public static List<CedarPolicy> ReadSet(JsonElement root, CedarLimits limits)
    {
        const string what = "a policy set";
        JsonReading.OnlyKnown(root, what, "staticPolicies", "templates", "templateLinks");
        var all = new List<CedarPolicy>();
        if (JsonReading.Optional(root, "templates", what) is { } templates)
        {
            foreach (var property in JsonReading.Object(templates, "`templates`"))
                all.Add(ReadPolicy(property.Name, property.Value, limits));
            if (all.Exists(t => !t.IsTemplate)) throw new CedarJsonException("a template without a slot");
        }

        var byId = all.ToDictionary(t => t.Id, StringComparer.Ordinal);
        if (JsonReading.Optional(root, "staticPolicies", what) is { } policies)
        {
            foreach (var property in JsonReading.Object(policies, "`staticPolicies`"))
            {
                var policy = ReadPolicy(property.Name, property.Value, limits);
                if (policy.IsTemplate) throw new CedarJsonException($"the static policy `{policy.Id}` has a slot");
                all.Add(policy);
            }
        }

        if (JsonReading.Optional(root, "templateLinks", what) is { } links)
        {
            foreach (var link in JsonReading.Array(links, "`templateLinks`")) all.Add(ReadLink(link, byId));
        }

        return all;
    }

    public static CedarPolicy ReadPolicy(string id, JsonElement element, CedarLimits limits)
    {
        const string what = "a policy";
        JsonReading.OnlyKnown(element, what, "effect", "principal", "action", "resource", "conditions", "annotations");
        var effect = JsonReading.String(JsonReading.Property(element, "effect", what), "`effect`") switch
        {
            "permit" => CedarEffect.Permit,
            "forbid" => CedarEffect.Forbid,
            var other => throw new CedarJsonException($"`{other}` is not an effect"),
        };
        var conditions = new List<CedarCondition>();
        foreach (var condition in JsonReading.Array(JsonReading.Property(element, "conditions", what), "`conditions`"))
            conditions.Add(ReadCondition(condition, limits));
        var annotations = new List<KeyValuePair<string, string?>>();
        if (JsonReading.Optional(element, "annotations", what) is { } written)
        {
            foreach (var annotation in JsonReading.Object(written, "`annotations`"))
            {
                if (!CedarNames.IsAnyIdentifier(annotation.Name))
                    throw new CedarJsonException($"`{annotation.Name}` cannot name an annotation");
                var isNull = annotation.Value.ValueKind == JsonValueKind.Null;
                annotations.Add(
                    new(annotation.Name, isNull ? null : JsonReading.String(annotation.Value, "an annotation")));
            }
        }

        return new(
            id,
            effect,
            ReadScope(element, "principal"),
            ReadActionScope(element),
            ReadScope(element, "resource"),
            [.. conditions],
            annotations);
    }

    private static CedarCondition ReadCondition(JsonElement element, CedarLimits limits)
    {
        const string what = "a condition";
        JsonReading.OnlyKnown(element, what, "kind", "body");
        var kind = JsonReading.String(JsonReading.Property(element, "kind", what), "`kind`");
        if (kind is not ("when" or "unless")) throw new CedarJsonException($"`{kind}` is not a kind of condition");
        var body = ExprJsonReader.Read(JsonReading.Property(element, "body", what));
        return body.Depth <= limits.MaximumDepth
            ? new(kind == "unless", body)
            : throw new CedarJsonException($"the expression nests deeper than {limits.MaximumDepth} levels");
    }

    private static CedarScope ReadScope(JsonElement policy, string name)
    {
        var what = $"`{name}`";
        var element = JsonReading.Property(policy, name, "a policy");
        var op = JsonReading.String(JsonReading.Property(element, "op", what), "`op`");
        switch (op)
        {
            case "All" or "all":
                JsonReading.OnlyKnown(element, what, "op");
                return CedarScope.Any;
            case "==" or "in":
                JsonReading.OnlyKnown(element, what, "op", "entity", "slot");
                return ReadTarget(element, name, op == "==" ? CedarScopeOperator.Equal : CedarScopeOperator.In, null);
            case "is":
                JsonReading.OnlyKnown(element, what, "op", "entity_type", "in");
                var type = JsonReading.Name(JsonReading.Property(element, "entity_type", what), "`entity_type`");
                return JsonReading.Optional(element, "in", what) is { } within
                    ? ReadTarget(within, name, CedarScopeOperator.IsIn, type)
                    : new(CedarScopeOperator.Is, type, []);
            default: throw new CedarJsonException($"`{op}` cannot constrain the {name}");
        }
    }

    private static CedarScope ReadTarget(JsonElement element, string name, CedarScopeOperator @operator, string? type)
    {
        if (JsonReading.Optional(element, "slot", name) is { } slot)
        {
            return JsonReading.String(slot, "`slot`") == $"?{name}"
                ? new(@operator, type, [], HasSlot: true)
                : throw new CedarJsonException($"the slot of the {name} is `?{name}`");
        }

        return new(@operator, type, [JsonValues.ReadUid(JsonReading.Property(element, "entity", name), $"the {name}")]);
    }

    private static CedarScope ReadActionScope(JsonElement policy)
    {
        const string what = "`action`";
        var element = JsonReading.Property(policy, "action", "a policy");
        JsonReading.OnlyKnown(element, what, "op", "entity", "entities");
        var op = JsonReading.String(JsonReading.Property(element, "op", what), "`op`");
        if (op is "All" or "all") return CedarScope.Any;
        var @operator = op switch
        {
            "==" => CedarScopeOperator.Equal,
            "in" => CedarScopeOperator.In,
            _ => throw new CedarJsonException($"`{op}` cannot constrain the action"),
        };
        if (@operator == CedarScopeOperator.In && JsonReading.Optional(element, "entities", what) is { } list)
            return new(@operator, null, [.. JsonReading.Array(list, "`entities`").Select(ReadAction)], IsList: true);
        return new(@operator, null, [ReadAction(JsonReading.Property(element, "entity", what))]);
    }

    private static EntityUid ReadAction(JsonElement element)
    {
        var uid = JsonValues.ReadUid(element, "an action");
        return CedarNames.Basename(uid.Type) == "Action"
            ? uid : throw new CedarJsonException($"`{uid}` is not an action");
    }

    private static CedarPolicy ReadLink(JsonElement element, Dictionary<string, CedarPolicy> templates)
    {
        const string what = "a template link";
        JsonReading.OnlyKnown(element, what, "templateId", "newId", "values");
        var templateId = JsonReading.String(JsonReading.Property(element, "templateId", what), "`templateId`");
        if (!templates.TryGetValue(templateId, out var template))
            throw new CedarJsonException($"there is no template `{templateId}`");
        EntityUid? principal = null, resource = null;
        foreach (var value in JsonReading.Object(JsonReading.Property(element, "values", what), "`values`"))
        {
            var uid = JsonValues.ReadUid(value.Value, "the value of a slot");
            if (value.Name == "?principal") principal = uid;
            else if (value.Name == "?resource") resource = uid;
            else throw new CedarJsonException($"there is no slot `{value.Name}`");
        }

        var id = JsonReading.String(JsonReading.Property(element, "newId", what), "`newId`");
        return CedarPolicySet.LinkTemplate(template, id, principal, resource);
    }
}
