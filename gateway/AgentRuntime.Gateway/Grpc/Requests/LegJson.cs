using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>Members of a leg's body. Stateless.</summary>
internal static class LegJson
{
    /// <summary>A member that is there and not null.</summary>
    public static JsonElement? Child(JsonElement body, string name) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty(name, out var value)
        && value.ValueKind != JsonValueKind.Null ? value : null;

    public static string? Text(JsonElement body, string name) =>
        Child(body, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    public static bool Flag(JsonElement body, string name) => Child(body, name) is { ValueKind: JsonValueKind.True };

    /// <exception cref="LegRefusal">It is there and no number.</exception>
    public static float? Number(JsonElement body, string name) => Child(body, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } value => value.GetSingle(),
        _ => throw LegRefusal.Malformed($"{name} is not a number"),
    };

    /// <exception cref="LegRefusal">It is there and no integer within bounds.</exception>
    public static int? Integer(JsonElement body, string name, int least, int most) => Child(body, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var number) && number >= least
            && number <= most => number,
        _ => throw LegRefusal.Malformed($"{name} is not an integer within {least}..{most}"),
    };
}
