using System.Text;
using System.Text.Json;

namespace AgentRuntime.Prompts.ToolCalls;

/// <summary>Reads calls from the JSON that models write. Stateless.</summary>
internal static class ToolCallJson
{
    private const int MostCalls = 128;
    private static readonly JsonReaderOptions Bounds = new() { MaxDepth = 64 };
    private static readonly JsonReaderOptions Several = new() { MaxDepth = 64, AllowMultipleValues = true };

    /// <summary>
    /// One call or several: objects with a name and arguments, one behind the other (with semicolons between them, as
    /// Llama does) or in a list; null when it is anything else.
    /// </summary>
    public static IReadOnlyList<WrittenToolCall>? Sequence(string text)
    {
        text = text.Trim();
        if (text.StartsWith("<|python_tag|>", StringComparison.Ordinal))
            text = text["<|python_tag|>".Length..];
        var calls = new List<WrittenToolCall>();
        var rest = Encoding.UTF8.GetBytes(text).AsMemory();
        while (!(rest = TrimSeparators(rest)).IsEmpty)
        {
            using var value = Value(ref rest);
            if (value is null || !Add(value.RootElement, calls))
                return null;
        }

        return calls;
    }

    /// <summary>Mistral's lists, and its newer names with arguments.</summary>
    public static IReadOnlyList<WrittenToolCall>? Mistral(string text)
    {
        const string Start = "[TOOL_CALLS]";
        var calls = new List<WrittenToolCall>();
        var rest = Encoding.UTF8.GetBytes(text).AsMemory();
        while (!(rest = TrimSeparators(rest)).IsEmpty)
        {
            if (rest.Span.StartsWith("[TOOL_CALLS]"u8))
            {
                rest = rest[Start.Length..];
                continue;
            }

            var name = rest.Span[0] is (byte)'[' or (byte)'{' ? null : TakeName(ref rest);
            using var value = Value(ref rest);
            if (value is null || name is { Length: 0 }
                || !(name is null ? Add(value.RootElement, calls) : AddNamed(name, value.RootElement, calls)))
                return null;
        }

        return calls;
    }

    /// <summary>The arguments of a tool that is known.</summary>
    public static IReadOnlyList<WrittenToolCall>? Arguments(string name, string text)
    {
        var rest = Encoding.UTF8.GetBytes(text.Trim()).AsMemory();
        using var value = Value(ref rest);
        return value is { RootElement.ValueKind: JsonValueKind.Object } && TrimSeparators(rest).IsEmpty
            ? [new(name, value.RootElement.GetRawText())]
            : null;
    }

    /// <summary>Whether JSON may begin with a text; it may end within one of its strings.</summary>
    public static bool MayGoOn(string begun)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(begun), isFinalBlock: false, new(Several));
        try
        {
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>What is before an object, without the markers and the id behind the name; empty for no name.</summary>
    private static string TakeName(ref Memory<byte> rest)
    {
        var brace = rest.Span.IndexOf((byte)'{');
        var before = Encoding.UTF8.GetString(rest.Span[..Math.Max(0, brace)]);
        rest = rest[Math.Max(0, brace)..];
        return before.Split("[ARGS]")[0].Split("[CALL_ID]")[0].Trim();
    }

    private static bool AddNamed(string name, JsonElement arguments, List<WrittenToolCall> calls)
    {
        if (calls.Count == MostCalls || arguments.ValueKind != JsonValueKind.Object) return false;
        calls.Add(new(name, arguments.GetRawText()));
        return true;
    }

    private static bool Add(JsonElement value, List<WrittenToolCall> calls)
    {
        if (value.ValueKind == JsonValueKind.Array)
            return value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Object && Add(v, calls));
        if (calls.Count == MostCalls || value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("name"u8, out var name) || name.ValueKind != JsonValueKind.String
            || !(value.TryGetProperty("arguments"u8, out var arguments)
                || value.TryGetProperty("parameters"u8, out arguments))
            || arguments.ValueKind is not (JsonValueKind.Object or JsonValueKind.String))
            return false;
        calls.Add(new(name.GetString()!, arguments.ValueKind == JsonValueKind.String
            ? arguments.GetString()! : arguments.GetRawText()));
        return true;
    }

    private static JsonDocument? Value(ref Memory<byte> rest)
    {
        try
        {
            var reader = new Utf8JsonReader(rest.Span, isFinalBlock: false, new(Bounds));
            if (!JsonDocument.TryParseValue(ref reader, out var value))
                return null;
            rest = rest[(int)reader.BytesConsumed..];
            return value;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Memory<byte> TrimSeparators(Memory<byte> rest)
    {
        while (!rest.IsEmpty && rest.Span[0] is (byte)';' or (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            rest = rest[1..];
        return rest;
    }
}
