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
        var calls = new List<WrittenToolCall>();
        foreach (var part in text.Split("[TOOL_CALLS]", StringSplitOptions.RemoveEmptyEntries
            | StringSplitOptions.TrimEntries))
        {
            if (part[0] is '[' or '{')
            {
                if (Sequence(part) is not { } found)
                    return null;
                calls.AddRange(found);
                continue;
            }

            var brace = part.IndexOf('{', StringComparison.Ordinal);
            if (brace < 0)
                return null;
            var name = part[..brace].Split("[ARGS]")[0].Split("[CALL_ID]")[0].Trim();
            if (name.Length == 0 || Arguments(name, part[brace..]) is not { } call)
                return null;
            calls.AddRange(call);
        }

        return calls.Count > MostCalls ? null : calls;
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
