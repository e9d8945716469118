using System.Text.Json;

namespace AgentRuntime.Prompts.Jinja;

/// <summary>JSON as values of a template. Stateless.</summary>
internal static class JinjaJson
{
    private const int MostDepth = 32;

    /// <param name="json">What a client has sent.</param>
    /// <param name="neutral">Takes the spelling of control tokens out of each text and name in it.</param>
    /// <exception cref="JinjaException">It is nested more deeply than 32 levels.</exception>
    public static object? Value(JsonElement json, Func<string, string> neutral) => Value(json, neutral, 0);

    private static object? Value(JsonElement json, Func<string, string> neutral, int depth) => json.ValueKind switch
    {
        _ when depth > MostDepth => throw new JinjaException("a value is nested too deeply"),
        JsonValueKind.Null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String => neutral(json.GetString()!),
        JsonValueKind.Number => json.TryGetInt64(out var whole) ? (object)whole : json.GetDouble(),
        JsonValueKind.Array => new JinjaList([.. json.EnumerateArray().Select(v => Value(v, neutral, depth + 1))]),
        _ => json.EnumerateObject().Aggregate(
            new JinjaMap(), (map, m) => map.With(neutral(m.Name), Value(m.Value, neutral, depth + 1))),
    };
}
