using System.Globalization;
using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>A JSON document that does not say what Cedar's format wants; caught at the public entry points.</summary>
internal sealed class CedarJsonException(string message) : Exception(message);

/// <summary>Strict reading of JSON: no duplicate keys, no unknown fields, bounded size and depth.</summary>
internal static class JsonReading
{
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8, CedarLimits limits, int levelsPerDepth = 1)
    {
        if (utf8.Length > limits.MaximumTextLength)
            throw new CedarJsonException($"the document is longer than {limits.MaximumTextLength} bytes");
        try
        {
            var options = new JsonDocumentOptions
            {
                MaxDepth = (limits.MaximumDepth * levelsPerDepth) + 16,
                AllowDuplicateProperties = false,
            };
            return JsonDocument.Parse(utf8, options);
        }
        catch (JsonException error)
        {
            throw new CedarJsonException(error.Message);
        }
    }

    /// <summary>Runs a reader and turns its failure into one diagnostic.</summary>
    public static T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (CedarJsonException error)
        {
            throw new CedarException([new(CedarSeverity.Error, "json", error.Message, SourcePosition.None)]);
        }
    }

    public static string String(JsonElement element, string what)
    {
        if (element.ValueKind != JsonValueKind.String) throw new CedarJsonException($"{what} must be a string");
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new CedarJsonException($"{what} is not valid Unicode");
        }
    }

    public static bool Bool(JsonElement element, string what) => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw new CedarJsonException($"{what} must be true or false"),
    };

    public static long Long(JsonElement element, string what)
    {
        if (element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var value)) return value;
        throw new CedarJsonException($"{what} must be an integer of 64 bits");
    }

    public static JsonElement Property(JsonElement element, string name, string what) =>
        Optional(element, name, what) ?? throw new CedarJsonException($"{what} lacks `{name}`");

    public static JsonElement? Optional(JsonElement element, string name, string what)
    {
        if (element.ValueKind != JsonValueKind.Object) throw new CedarJsonException($"{what} must be an object");
        return element.TryGetProperty(name, out var value) ? value : null;
    }

    public static JsonElement.ArrayEnumerator Array(JsonElement element, string what) =>
        element.ValueKind == JsonValueKind.Array
            ? element.EnumerateArray()
            : throw new CedarJsonException($"{what} must be an array");

    public static JsonElement.ObjectEnumerator Object(JsonElement element, string what) =>
        element.ValueKind == JsonValueKind.Object
            ? element.EnumerateObject()
            : throw new CedarJsonException($"{what} must be an object");

    public static void OnlyKnown(JsonElement element, string what, params ReadOnlySpan<string> known)
    {
        foreach (var property in Object(element, what))
            if (!known.Contains(property.Name))
                throw new CedarJsonException($"{what} has an unknown field `{property.Name}`");
    }

    /// <summary>The only field of an object.</summary>
    public static JsonProperty Single(JsonElement element, string what)
    {
        JsonProperty? single = null;
        foreach (var property in Object(element, what))
        {
            if (single is not null) throw new CedarJsonException($"{what} must have one field");
            single = property;
        }

        return single ?? throw new CedarJsonException($"{what} must have one field");
    }

    public static string Name(JsonElement element, string what)
    {
        var name = String(element, what);
        return CedarNames.IsName(name)
            ? name
            : throw new CedarJsonException(
                string.Create(CultureInfo.InvariantCulture, $"{what}: `{name}` is not a name"));
    }
}
