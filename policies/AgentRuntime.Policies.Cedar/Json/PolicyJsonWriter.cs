using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>Policies and policy sets as JSON.</summary>
internal static class PolicyJsonWriter
{
    public static void WriteSet(Utf8JsonWriter json, CedarPolicySet set)
    {
        json.WriteStartObject();
        json.WriteStartObject("templates");
        foreach (var template in set.Templates)
        {
            json.WritePropertyName(template.Id);
            WritePolicy(json, template);
        }

        json.WriteEndObject();
        json.WriteStartObject("staticPolicies");
        foreach (var policy in set.Policies)
        {
            if (IsLink(set, policy)) continue;
            json.WritePropertyName(policy.Id);
            WritePolicy(json, policy);
        }

        json.WriteEndObject();
        json.WriteStartArray("templateLinks");
        foreach (var policy in set.Policies)
            if (IsLink(set, policy)) WriteLink(json, policy, set);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void WritePolicy(Utf8JsonWriter json, CedarPolicy policy)
    {
        json.WriteStartObject();
        json.WriteString("effect", policy.Effect == CedarEffect.Permit ? "permit" : "forbid");
        WriteScope(json, "principal", policy.Principal);
        WriteScope(json, "action", policy.Action);
        WriteScope(json, "resource", policy.Resource);
        json.WriteStartArray("conditions");
        foreach (var condition in policy.Conditions)
        {
            json.WriteStartObject();
            json.WriteString("kind", condition.IsUnless ? "unless" : "when");
            json.WritePropertyName("body");
            ExprJsonWriter.Write(json, condition.Body);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (policy.AnnotationList.Count > 0)
        {
            json.WriteStartObject("annotations");
            foreach (var (name, value) in policy.AnnotationList) json.WriteString(name, value);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    // A link whose template is not in the set is written as what it is, a policy.
    private static bool IsLink(CedarPolicySet set, CedarPolicy policy) =>
        policy.TemplateId is not null && set.TryGet(policy.TemplateId, out var template) && template.IsTemplate;

    private static void WriteLink(Utf8JsonWriter json, CedarPolicy link, CedarPolicySet set)
    {
        set.TryGet(link.TemplateId!, out var template);
        json.WriteStartObject();
        json.WriteString("templateId", link.TemplateId);
        json.WriteString("newId", link.Id);
        json.WriteStartObject("values");
        if (template!.Principal.HasSlot) WriteValue(json, "?principal", link.Principal);
        if (template.Resource.HasSlot) WriteValue(json, "?resource", link.Resource);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter json, string slot, CedarScope scope)
    {
        json.WritePropertyName(slot);
        JsonValueWriter.WriteUid(json, scope.Entity);
    }

    private static void WriteScope(Utf8JsonWriter json, string name, CedarScope scope)
    {
        json.WriteStartObject(name);
        switch (scope.Operator)
        {
            case CedarScopeOperator.Equal or CedarScopeOperator.In:
                json.WriteString("op", scope.Operator == CedarScopeOperator.Equal ? "==" : "in");
                WriteTarget(json, name, scope);
                break;
            case CedarScopeOperator.Is or CedarScopeOperator.IsIn:
                json.WriteString("op", "is");
                json.WriteString("entity_type", scope.EntityType);
                if (scope.Operator == CedarScopeOperator.Is) break;
                json.WriteStartObject("in");
                WriteTarget(json, name, scope);
                json.WriteEndObject();
                break;
            default: json.WriteString("op", "All"); break;
        }

        json.WriteEndObject();
    }

    private static void WriteTarget(Utf8JsonWriter json, string name, CedarScope scope)
    {
        if (scope.HasSlot)
        {
            json.WriteString("slot", $"?{name}");
            return;
        }

        if (scope.IsList && scope.Entities.Count != 1)
        {
            json.WriteStartArray("entities");
            foreach (var uid in scope.Entities) JsonValueWriter.WriteUid(json, uid);
            json.WriteEndArray();
            return;
        }

        json.WritePropertyName("entity");
        JsonValueWriter.WriteUid(json, scope.Entity);
    }
}
