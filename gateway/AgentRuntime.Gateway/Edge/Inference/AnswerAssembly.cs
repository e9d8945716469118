using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>The chunks of one answer, put together. Not thread-safe.</summary>
/// <param name="operation">What was asked for: a chat's text is its content.</param>
internal sealed class AnswerAssembly(InferenceOperation operation)
{
    // As ChunkReader reads it.
    private const int MaxIndex = 1_000;

    private readonly string _text = operation == InferenceOperation.Chat ? "content" : "text";
    private readonly SortedDictionary<int, ChoiceAssembly> _choices = [];
    private string? _id;
    private string? _fingerprint;
    private long _created;

    /// <exception cref="RuntimeErrorException">AR4003: the chunk holds what is no text.</exception>
    public void Add(InferenceChunk chunk)
    {
        // The first one says what all share; of those that follow nearly all are a token's text and no more.
        if (chunk.OnlyText && _choices.TryGetValue(0, out var first))
            first.Add(_text, chunk.Text, chunk.FinishReason);
        else
            AddWhole(chunk.Raw);
    }

    private void AddWhole(ReadOnlyMemory<byte> chunk)
    {
        try
        {
            Add(chunk);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // What is only passed on is read here for the first time; bytes that are no Unicode show only now.
            throw new RuntimeErrorException(
                new RuntimeError(ReasonCodes.EngineFailed, "the engine's answer cannot be read"), e);
        }
    }

    private void Add(ReadOnlyMemory<byte> chunk)
    {
        using var document = JsonDocument.Parse(chunk);
        var root = document.RootElement;
        _id ??= Text(root, "id");
        _fingerprint ??= Text(root, "system_fingerprint");
        if (_created == 0)
            _created = Number(root, "created");
        if (!root.TryGetProperty("choices", out var choices) || choices.ValueKind != JsonValueKind.Array)
            return;

        foreach (var choice in choices.EnumerateArray().Where(c => c.ValueKind == JsonValueKind.Object))
        {
            var index = Index(choice);
            if (!_choices.TryGetValue(index, out var assembly))
                _choices[index] = assembly = new ChoiceAssembly();
            assembly.Add(choice);
        }
    }

    public void Write(Utf8JsonWriter json, InferenceRequest request, InferenceUsage usage)
    {
        var chat = request.Operation == InferenceOperation.Chat;
        json.WriteStartObject();
        json.WriteString("id"u8, _id ?? "");
        json.WriteString("object"u8, chat ? "chat.completion"u8 : "text_completion"u8);
        json.WriteNumber("created"u8, _created);
        json.WriteString("model"u8, request.Model);
        json.WriteStartArray("choices"u8);
        foreach (var (index, choice) in _choices)
            choice.Write(json, index, chat);
        json.WriteEndArray();
        json.WritePropertyName("usage"u8);
        ChunkWriter.WriteUsage(json, usage);
        if (_fingerprint is not null)
            json.WriteString("system_fingerprint"u8, _fingerprint);
        json.WriteEndObject();
    }

    internal static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    /// <summary>Which one of several it is; some engines leave that out, or null, where there is one.</summary>
    internal static int Index(JsonElement element) =>
        (int)Math.Clamp(Number(element, "index"), 0, MaxIndex);

    private static long Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out var number)
            ? number
            : 0;
}

/// <summary>One choice of an answer, put together. Not thread-safe.</summary>
internal sealed class ChoiceAssembly
{
    private readonly SortedDictionary<string, StringBuilder> _texts = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, ToolCallAssembly> _toolCalls = [];
    private readonly SortedDictionary<string, List<JsonElement>> _logprobs = new(StringComparer.Ordinal);
    private string? _finishReason;
    private JsonElement? _stopReason;

    public void Add(string name, string text, string? finishReason)
    {
        _finishReason = finishReason ?? _finishReason;
        if (text.Length > 0)
            Append(name, text);
    }

    public void Add(JsonElement choice)
    {
        _finishReason = AnswerAssembly.Text(choice, "finish_reason") ?? _finishReason;
        if (choice.TryGetProperty("stop_reason", out var stop) && stop.ValueKind != JsonValueKind.Null)
            _stopReason = stop.Clone();
        if (choice.TryGetProperty("delta", out var delta) && delta.ValueKind == JsonValueKind.Object)
            AddDelta(delta);
        if (AnswerAssembly.Text(choice, "text") is { } text)
            Append("text", text);
        if (choice.TryGetProperty("logprobs", out var logprobs) && logprobs.ValueKind == JsonValueKind.Object)
            AddLogprobs(logprobs);
    }

    public void Write(Utf8JsonWriter json, int index, bool chat)
    {
        json.WriteStartObject();
        json.WriteNumber("index"u8, index);
        if (chat)
            WriteMessage(json);
        else
            json.WriteString("text"u8, TextOf("text"));
        WriteLogprobs(json, chat);
        json.WriteString("finish_reason"u8, _finishReason);
        if (_stopReason is { } stop)
        {
            json.WritePropertyName("stop_reason"u8);
            stop.WriteTo(json);
        }

        json.WriteEndObject();
    }

    // Texts under any name are put together: engines add their own, such as reasoning_content.
    private void AddDelta(JsonElement delta)
    {
        foreach (var member in delta.EnumerateObject())
        {
            if (member.NameEquals("tool_calls") && member.Value.ValueKind == JsonValueKind.Array)
            {
                foreach (var call in member.Value.EnumerateArray().Where(c => c.ValueKind == JsonValueKind.Object))
                    AddToolCall(call);
            }
            else if (member.Value.ValueKind == JsonValueKind.String && !member.NameEquals("role"))
            {
                Append(member.Name, member.Value.GetString()!);
            }
        }
    }

    private void AddToolCall(JsonElement call)
    {
        var index = AnswerAssembly.Index(call);
        if (!_toolCalls.TryGetValue(index, out var assembly))
            _toolCalls[index] = assembly = new ToolCallAssembly();
        assembly.Id ??= AnswerAssembly.Text(call, "id");
        if (!call.TryGetProperty("function", out var function) || function.ValueKind != JsonValueKind.Object)
            return;

        assembly.Name ??= AnswerAssembly.Text(function, "name");
        assembly.Arguments.Append(AnswerAssembly.Text(function, "arguments"));
    }

    private void AddLogprobs(JsonElement logprobs)
    {
        foreach (var member in logprobs.EnumerateObject().Where(m => m.Value.ValueKind == JsonValueKind.Array))
        {
            if (!_logprobs.TryGetValue(member.Name, out var list))
                _logprobs[member.Name] = list = [];

            // As one: what each element costs by itself is many times what an engine needs to send it.
            list.Add(member.Value.Clone());
        }
    }

    private void WriteMessage(Utf8JsonWriter json)
    {
        json.WriteStartObject("message"u8);
        json.WriteString("role"u8, "assistant"u8);
        if (_toolCalls.Count > 0 && TextOf("content").Length == 0)
            json.WriteNull("content"u8);
        else
            json.WriteString("content"u8, TextOf("content"));
        foreach (var (name, text) in _texts.Where(t => t.Key is not "content"))
            json.WriteString(name, text.ToString());
        if (!_texts.ContainsKey("refusal"))
            json.WriteNull("refusal"u8);
        if (_toolCalls.Count > 0)
        {
            json.WriteStartArray("tool_calls"u8);
            foreach (var call in _toolCalls.Values)
                call.Write(json);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private void WriteLogprobs(Utf8JsonWriter json, bool chat)
    {
        if (_logprobs.Count == 0)
        {
            json.WriteNull("logprobs"u8);
            return;
        }

        json.WriteStartObject("logprobs"u8);
        foreach (var (name, list) in _logprobs)
        {
            json.WriteStartArray(name);
            foreach (var element in list.SelectMany(l => l.EnumerateArray()))
                element.WriteTo(json);
            json.WriteEndArray();
        }

        foreach (var name in chat ? (string[])["content", "refusal"] : [])
        {
            if (!_logprobs.ContainsKey(name))
                json.WriteNull(name);
        }

        json.WriteEndObject();
    }

    private void Append(string name, string text)
    {
        if (!_texts.TryGetValue(name, out var builder))
            _texts[name] = builder = new StringBuilder();
        builder.Append(text);
    }

    private string TextOf(string name) => _texts.TryGetValue(name, out var text) ? text.ToString() : "";

    private sealed class ToolCallAssembly
    {
        public string? Id { get; set; }

        public string? Name { get; set; }

        public StringBuilder Arguments { get; } = new();

        public void Write(Utf8JsonWriter json)
        {
            json.WriteStartObject();
            json.WriteString("id"u8, Id ?? "");
            json.WriteString("type"u8, "function"u8);
            json.WriteStartObject("function"u8);
            json.WriteString("name"u8, Name ?? "");
            json.WriteString("arguments"u8, Arguments.ToString());
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }
}
