using System.Buffers;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Writes a guest's chat as an OpenAI chat-completions request. Tool names are <c>server/tool</c> here and
/// <c>server__tool</c> on the wire, because OpenAI's names have no slash. Stateless.
/// </summary>
internal static class ChatRequestBody
{
    private const string WireSeparator = "__";

    /// <summary>The request's body; the router adds model, streaming and cache salt.</summary>
    public static ReadOnlyMemory<byte> Write(
        IReadOnlyList<ChatMessage> messages,
        ChatOptions options,
        int maxOutputTokens,
        IReadOnlyList<ToolDescriptor> tools)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteStartArray("messages");
        foreach (var message in messages)
            Write(json, message);
        json.WriteEndArray();
        json.WriteNumber("max_tokens", maxOutputTokens);
        if (options.Temperature is { } temperature && float.IsFinite(temperature))
            json.WriteNumber("temperature", temperature);
        if (options.Seed is { } seed)
            json.WriteNumber("seed", seed);
        if (options.StopSequences.Count > 0)
        {
            json.WriteStartArray("stop");
            foreach (var stop in options.StopSequences)
                json.WriteStringValue(stop);
            json.WriteEndArray();
        }
        if (tools.Count > 0)
            Write(json, tools);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    public static string WireName(string tool) => tool.Replace("/", WireSeparator, StringComparison.Ordinal);

    /// <summary>The tool behind a name that a model wrote; the name itself when it was not offered.</summary>
    public static string ToolName(string wireName, IReadOnlyList<ToolDescriptor> offered)
    {
        foreach (var tool in offered)
            if (WireName(tool.Name) == wireName)
                return tool.Name;
        return wireName;
    }

    private static void Write(Utf8JsonWriter json, ChatMessage message)
    {
        json.WriteStartObject();
        json.WriteString("role", message.Role switch
        {
            ChatRole.System => "system"u8,
            ChatRole.User => "user"u8,
            ChatRole.Assistant => "assistant"u8,
            ChatRole.Tool => "tool"u8,
            _ => throw new ArgumentOutOfRangeException(nameof(message), message.Role, "unknown role"),
        });
        json.WriteString("content", message.Content);
        if (message.ToolCallId is not null)
            json.WriteString("tool_call_id", message.ToolCallId);
        if (message.ToolCalls.Count > 0)
        {
            json.WriteStartArray("tool_calls");
            foreach (var call in message.ToolCalls)
            {
                json.WriteStartObject();
                json.WriteString("id", call.Id);
                json.WriteString("type", "function"u8);
                json.WriteStartObject("function");
                json.WriteString("name", WireName(call.Name));
                json.WriteString("arguments", call.ArgumentsJson);
                json.WriteEndObject();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, IReadOnlyList<ToolDescriptor> tools)
    {
        json.WriteStartArray("tools");
        foreach (var tool in tools)
        {
            json.WriteStartObject();
            json.WriteString("type", "function"u8);
            json.WriteStartObject("function");
            json.WriteString("name", WireName(tool.Name));
            json.WriteString("description", tool.Description);
            json.WritePropertyName("parameters");
            tool.InputSchema.WriteTo(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
