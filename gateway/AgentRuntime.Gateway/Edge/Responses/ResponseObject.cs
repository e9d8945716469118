using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>A response of the Responses API as it grows: one message, then the tool calls. Not thread-safe.</summary>
internal sealed class ResponseObject(
    string id, string model, long createdAt, int maxOutputTokens, ResponseEcho echo)
{
    private readonly StringBuilder _text = new();
    private readonly SortedDictionary<int, (string Id, string Name, StringBuilder Arguments)> _calls = [];
    private string? _finishReason;
    private InferenceUsage? _usage;

    public string MessageId { get; } = "msg" + id["resp".Length..];

    public string Text => _text.ToString();

    /// <summary>The tool calls, in order: the item's id, the call's id, the name and the arguments.</summary>
    public IEnumerable<(string ItemId, string CallId, string Name, string Arguments)> Calls => _calls.Select(
        c => ($"fc{id["resp".Length..]}_{c.Key}", c.Value.Id, c.Value.Name, c.Value.Arguments.ToString()));

    public bool Whole => _finishReason is not "length";

    public void Add(InferenceChunk chunk)
    {
        _text.Append(chunk.Text);
        _finishReason = chunk.FinishReason ?? _finishReason;
        _usage = chunk.Usage ?? _usage;
        foreach (var delta in chunk.ToolCalls)
        {
            if (!_calls.TryGetValue(delta.Index, out var call))
                call = (delta.Id ?? "", delta.Name ?? "", new StringBuilder());
            call.Arguments.Append(delta.Arguments);
            _calls[delta.Index] = call;
        }
    }

    /// <param name="json">Where to.</param>
    /// <param name="ended">Whether the answer has ended; else it is in progress and has no output yet.</param>
    public void Write(Utf8JsonWriter json, bool ended)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, id);
        json.WriteString("object"u8, "response"u8);
        json.WriteNumber("created_at"u8, createdAt);
        json.WriteString("status"u8, !ended ? "in_progress" : Whole ? "completed" : "incomplete");
        json.WriteNull("error"u8);
        json.WritePropertyName("incomplete_details"u8);
        if (ended && !Whole)
        {
            json.WriteStartObject();
            json.WriteString("reason"u8, "max_output_tokens"u8);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNullValue();
        }

        json.WriteNumber("max_output_tokens"u8, maxOutputTokens);
        json.WriteString("model"u8, model);
        json.WriteStartArray("output"u8);
        if (ended)
            WriteOutput(json);
        json.WriteEndArray();
        json.WriteNull("previous_response_id"u8);
        json.WriteBoolean("store"u8, false);
        echo.Write(json);
        if (_usage is { } usage)
            WriteUsage(json, usage);
        json.WriteEndObject();
    }

    public void WriteMessage(Utf8JsonWriter json, bool ended)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "message"u8);
        json.WriteString("id"u8, MessageId);
        json.WriteString("status"u8, !ended ? "in_progress" : Whole ? "completed" : "incomplete");
        json.WriteString("role"u8, "assistant"u8);
        json.WriteStartArray("content"u8);
        if (ended)
            WritePart(json, Text);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void WritePart(Utf8JsonWriter json, string text)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "output_text"u8);
        json.WriteString("text"u8, text);
        json.WriteStartArray("annotations"u8);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void WriteCall(
        Utf8JsonWriter json, (string ItemId, string CallId, string Name, string Arguments) call, bool ended)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "function_call"u8);
        json.WriteString("id"u8, call.ItemId);
        json.WriteString("call_id"u8, call.CallId);
        json.WriteString("name"u8, call.Name);
        json.WriteString("arguments"u8, ended ? call.Arguments : "");
        json.WriteString("status"u8, ended ? "completed"u8 : "in_progress"u8);
        json.WriteEndObject();
    }

    private void WriteOutput(Utf8JsonWriter json)
    {
        if (_text.Length > 0 || _calls.Count == 0)
            WriteMessage(json, ended: true);
        foreach (var call in Calls)
            WriteCall(json, call, ended: true);
    }

    private static void WriteUsage(Utf8JsonWriter json, InferenceUsage usage)
    {
        json.WriteStartObject("usage"u8);
        json.WriteNumber("input_tokens"u8, usage.Prompt.Value);
        json.WriteStartObject("input_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, usage.CachedPrompt.Value);

        // What OpenAI counts here it charges for; nothing is charged for keeping a prefix here.
        json.WriteNumber("cache_write_tokens"u8, 0);
        json.WriteEndObject();
        json.WriteNumber("output_tokens"u8, usage.Output.Value);
        json.WriteStartObject("output_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, 0);
        json.WriteEndObject();
        json.WriteNumber("total_tokens"u8, usage.Prompt.Value + usage.Output.Value);
        json.WriteEndObject();
    }
}
