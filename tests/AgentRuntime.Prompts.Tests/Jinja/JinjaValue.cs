using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Prompts.Jinja;

namespace AgentRuntime.Prompts.Tests.Jinja;

/// <summary>JSON as values of a template.</summary>
internal static class JinjaValue
{
    public static object? Of(JsonNode? node) => node switch
    {
        null => null,
        JsonArray array => new JinjaList([.. array.Select(Of)]),
        JsonObject json => json.Aggregate(new JinjaMap(), (map, member) => map.With(member.Key, Of(member.Value))),
        JsonValue value => value.GetValueKind() switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.String => value.GetValue<string>(),
            _ => JsonDocument.Parse(value.ToJsonString()).RootElement is var number && number.TryGetInt64(out var whole)
                ? (object)whole : number.GetDouble(),
        },
        _ => throw new ArgumentException("unknown JSON", nameof(node)),
    };
}
