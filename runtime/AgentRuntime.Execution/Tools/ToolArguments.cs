using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Reads a tool call's arguments and checks them against the pinned schema: required members, types and unknown
/// members of objects, at every depth. The rest of JSON Schema is the tool's own business. Stateless.
/// </summary>
internal static class ToolArguments
{
    private const int MaxDepth = 32;
    private const int MaxShownChars = 4_096;

    /// <summary>
    /// The object; null when the text is no JSON object. Repeated members are refused, since readers differ on them,
    /// and so are names that are no Unicode text.
    /// </summary>
    public static JsonElement? Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(
                json.Length == 0 ? "{}" : json,
                new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>As much of what is no object as an event may hold.</summary>
    public static string Shown(string json) => ShortText.WithEllipsis(json, MaxShownChars);

    public static RuntimeError NotAnObject(string tool) => new(
        ReasonCodes.InvalidArguments, "The arguments are not a JSON object that has each name once.", tool,
        "Send one object, with no text around it.");

    /// <summary>What is wrong with the arguments; null when nothing is.</summary>
    public static RuntimeError? Check(ToolDescriptor tool, JsonElement arguments) =>
        Check(tool.InputSchema, arguments, "") is { } problem
            ? new RuntimeError(
                ReasonCodes.InvalidArguments, $"The arguments do not fit the tool's schema: {problem}.", tool.Name)
            : IsUnicode(arguments)
                ? null
                : new RuntimeError(
                    ReasonCodes.InvalidArguments, "The arguments hold text that is not Unicode.", tool.Name);

    /// <summary>Whether the arguments can be sent: an escape such as <c>\ud800</c> alone stands for no text.</summary>
    private static bool IsUnicode(JsonElement arguments)
    {
        try
        {
            using var nowhere = new Utf8JsonWriter(Stream.Null);
            arguments.WriteTo(nowhere);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static string? Check(JsonElement schema, JsonElement value, string path)
    {
        if (schema.ValueKind != JsonValueKind.Object)
            return schema.ValueKind == JsonValueKind.False ? $"{Name(path)} is not allowed" : null;
        if (schema.TryGetProperty("type", out var type) && !Fits(type, value))
            return $"{Name(path)} must be of type {type.GetRawText()}";
        return value.ValueKind switch
        {
            JsonValueKind.Object => CheckObject(schema, value, path),
            JsonValueKind.Array => CheckArray(schema, value, path),
            _ => null,
        };
    }

    private static string? CheckObject(JsonElement schema, JsonElement value, string path)
    {
        if (schema.TryGetProperty("required", out var required) && required.ValueKind == JsonValueKind.Array)
            foreach (var name in required.EnumerateArray())
                if (name.ValueKind == JsonValueKind.String && !value.TryGetProperty(name.GetString()!, out _))
                    return $"{Name(path, name.GetString()!)} is missing";
        var hasProperties = schema.TryGetProperty("properties", out var properties)
            && properties.ValueKind == JsonValueKind.Object;
        var hasOthers = schema.TryGetProperty("additionalProperties", out var others);
        foreach (var member in value.EnumerateObject())
        {
            var known = hasProperties && properties.TryGetProperty(member.Name, out var declared)
                ? declared
                : hasOthers ? others : default;
            if (known.ValueKind == JsonValueKind.False)
                return $"{Name(path, member.Name)} is not known";
            if (known.ValueKind == JsonValueKind.Object
                && Check(known, member.Value, Join(path, member.Name)) is { } problem)
                return problem;
        }
        return null;
    }

    private static string? CheckArray(JsonElement schema, JsonElement value, string path)
    {
        if (!schema.TryGetProperty("items", out var items))
            return null;
        foreach (var item in value.EnumerateArray())
            if (Check(items, item, path + "[]") is { } problem)
                return problem;
        return null;
    }

    private static bool Fits(JsonElement type, JsonElement value) => type.ValueKind switch
    {
        JsonValueKind.String => Is(type.GetString(), value),
        JsonValueKind.Array =>
            type.EnumerateArray().Any(t => t.ValueKind == JsonValueKind.String && Is(t.GetString(), value)),
        _ => false,
    };

    private static bool Is(string? type, JsonElement value) => (type, value.ValueKind) switch
    {
        ("object", JsonValueKind.Object) or ("array", JsonValueKind.Array) or ("string", JsonValueKind.String) => true,
        ("boolean", JsonValueKind.True or JsonValueKind.False) or ("null", JsonValueKind.Null) => true,
        ("number", JsonValueKind.Number) => true,

        // JSON Schema counts 1.0 as an integer.
        ("integer", JsonValueKind.Number) => value.TryGetDecimal(out var number)
            ? decimal.Truncate(number) == number
            : double.IsInteger(value.GetDouble()),
        _ => false,
    };

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static string Name(string path, string member) => Name(Join(path, member));

    /// <summary>Member names come from the guest: cut, so that they do not flood events.</summary>
    private static string Name(string path) =>
        path.Length == 0 ? "the whole" : $"'{(path.Length <= 100 ? path : path[..100] + "…")}'";
}
