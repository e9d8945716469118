using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.AI;
using AiMessage = Microsoft.Extensions.AI.ChatMessage;
using AiOptions = Microsoft.Extensions.AI.ChatOptions;
using ChatRole = Microsoft.Extensions.AI.ChatRole;

namespace AgentRuntime.Sdk;

/// <summary>Writes Microsoft.Extensions.AI messages and options as an OpenAI chat-completions request.</summary>
internal static class ChatRequestJson
{
    private static readonly JsonSerializerOptions Compact =
        new(AIJsonUtilities.DefaultOptions) { WriteIndented = false };

    /// <summary>The request's body in UTF-8; the answer is asked for as a stream with its usage.</summary>
    /// <exception cref="NotSupportedException">
    /// A content, a tool or a format that the wire has no form for: left out, it would change what was asked.
    /// </exception>
    public static byte[] Write(IEnumerable<AiMessage> messages, AiOptions? options, string model)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("model", options?.ModelId ?? model);
            json.WriteBoolean("stream", true);
            json.WriteStartObject("stream_options");
            json.WriteBoolean("include_usage", true);
            json.WriteEndObject();
            json.WriteStartArray("messages");
            if (options?.Instructions is { } instructions && !string.IsNullOrWhiteSpace(instructions))
                WriteMessage(json, new AiMessage(ChatRoles.System, instructions));
            foreach (var message in messages) WriteMessage(json, message);
            json.WriteEndArray();
            if (options is not null) new ChatOptionsJson(json).Write(options);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A value of the caller's as JSON.</summary>
    public static void WriteValue(Utf8JsonWriter json, object? value) =>
        JsonSerializer.Serialize(json, value, Compact.GetTypeInfo(typeof(object)));

    private static void WriteMessage(Utf8JsonWriter json, AiMessage message)
    {
        // OpenAI wants one tool message for each result; Microsoft.Extensions.AI may hold several in one message.
        if (message.Role == ChatRoles.Tool)
        {
            foreach (var content in message.Contents)
                WriteResult(json, content as FunctionResultContent ?? throw Unsupported(content, message.Role));
            return;
        }

        json.WriteStartObject();
        json.WriteString("role", message.Role.Value);
        json.WritePropertyName("content");
        if (message.Contents.All(content => content is TextContent || IsBesideTheText(content)))
            json.WriteStringValue(message.Text);
        else
            WriteParts(json, message);
        var calls = message.Contents.OfType<FunctionCallContent>().ToArray();
        if (calls.Length > 0)
        {
            json.WriteStartArray("tool_calls");
            foreach (var call in calls) WriteCall(json, call);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    /// <summary>Calls have a member of their own; how an answer came about is not said back to the model.</summary>
    private static bool IsBesideTheText(AIContent content) =>
        content is FunctionCallContent or TextReasoningContent or UsageContent;

    private static void WriteParts(Utf8JsonWriter json, AiMessage message)
    {
        json.WriteStartArray();
        foreach (var content in message.Contents)
        {
            if (IsBesideTheText(content)) continue;
            json.WriteStartObject();
            switch (content)
            {
                case TextContent text:
                    json.WriteString("type", "text");
                    json.WriteString("text", text.Text);
                    break;
                case DataContent data when data.HasTopLevelMediaType("image"):
                    WriteImage(json, data.Uri);
                    break;
                case UriContent uri when uri.HasTopLevelMediaType("image"):
                    WriteImage(json, uri.Uri.AbsoluteUri);
                    break;
                default:
                    throw Unsupported(content, message.Role);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteImage(Utf8JsonWriter json, string url)
    {
        json.WriteString("type", "image_url");
        json.WriteStartObject("image_url");
        json.WriteString("url", url);
        json.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter json, FunctionResultContent result)
    {
        json.WriteStartObject();
        json.WriteString("role", "tool");
        json.WriteString("tool_call_id", result.CallId);
        json.WriteString("content", result.Result as string ?? Serialize(result.Result));
        json.WriteEndObject();
    }

    private static void WriteCall(Utf8JsonWriter json, FunctionCallContent call)
    {
        json.WriteStartObject();
        json.WriteString("id", call.CallId);
        json.WriteString("type", "function");
        json.WriteStartObject("function");
        json.WriteString("name", call.Name);
        json.WriteString("arguments", Serialize(call.Arguments ?? new Dictionary<string, object?>()));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string Serialize(object? value) =>
        JsonSerializer.Serialize(value, Compact.GetTypeInfo(typeof(object)));

    private static NotSupportedException Unsupported(AIContent content, ChatRole role)
    {
        var media = (content as DataContent)?.MediaType ?? (content as UriContent)?.MediaType;
        return new NotSupportedException(
            $"{content.GetType().Name}{(media is null ? "" : $" of {media}")} cannot be sent in a message of the role "
            + $"'{role}': messages hold text, images and function calls, those of the role 'tool' functions' results");
    }
}
