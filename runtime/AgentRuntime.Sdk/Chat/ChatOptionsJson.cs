using System.Text.Json;
using Microsoft.Extensions.AI;
using AiOptions = Microsoft.Extensions.AI.ChatOptions;

namespace AgentRuntime.Sdk;

/// <summary>
/// Writes Microsoft.Extensions.AI options as members of an OpenAI chat-completions request, with <c>top_k</c> as vLLM
/// has it. <see cref="AiOptions.AdditionalProperties"/> become members of their own names, unless an option or the
/// request itself has written the member. Belongs to one request; not thread-safe.
/// </summary>
internal sealed class ChatOptionsJson(Utf8JsonWriter json)
{
    /// <summary>A request with a member twice is refused.</summary>
    private readonly HashSet<string> _written =
        new(["model", "stream", "stream_options", "messages"], StringComparer.Ordinal);

    /// <exception cref="NotSupportedException">A tool or a format that the wire has no form for.</exception>
    public void Write(AiOptions options)
    {
        if (options.MaxOutputTokens is { } max) Member("max_tokens").WriteNumberValue(max);
        if (options.Temperature is { } temperature) Member("temperature").WriteNumberValue(temperature);
        if (options.TopP is { } topP) Member("top_p").WriteNumberValue(topP);
        if (options.TopK is { } topK) Member("top_k").WriteNumberValue(topK);
        if (options.FrequencyPenalty is { } frequency) Member("frequency_penalty").WriteNumberValue(frequency);
        if (options.PresencePenalty is { } presence) Member("presence_penalty").WriteNumberValue(presence);
        if (options.Seed is { } seed) Member("seed").WriteNumberValue(seed);
        if (options.StopSequences is { Count: > 0 } stops)
        {
            Member("stop").WriteStartArray();
            foreach (var stop in stops) json.WriteStringValue(stop);
            json.WriteEndArray();
        }

        if (options.ResponseFormat is { } format) WriteFormat(format);
        if (options.Tools is { Count: > 0 } tools) WriteTools(tools, options);
        foreach (var (name, value) in options.AdditionalProperties ?? [])
        {
            if (!_written.Contains(name)) ChatRequestJson.WriteValue(Member(name), value);
        }
    }

    private void WriteFormat(ChatResponseFormat format)
    {
        var type = format switch
        {
            ChatResponseFormatText => "text",
            ChatResponseFormatJson { Schema: null } => "json_object",
            ChatResponseFormatJson => "json_schema",
            _ => throw new NotSupportedException($"{format.GetType().Name} is not a format that can be asked for"),
        };
        Member("response_format").WriteStartObject();
        json.WriteString("type", type);
        if (format is ChatResponseFormatJson { Schema: { } schema } wanted)
        {
            json.WriteStartObject("json_schema");
            json.WriteString("name", wanted.SchemaName ?? "answer"); // OpenAI's form demands one
            if (wanted.SchemaDescription is { } description) json.WriteString("description", description);
            json.WritePropertyName("schema");
            schema.WriteTo(json);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private void WriteTools(IList<AITool> tools, AiOptions options)
    {
        Member("tools").WriteStartArray();
        foreach (var tool in tools)
        {
            var function = tool as AIFunctionDeclaration ?? throw new NotSupportedException(
                $"{tool.GetType().Name} '{tool.Name}' cannot be offered: a model's tools are functions");
            json.WriteStartObject();
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", function.Name);
            json.WriteString("description", function.Description);
            json.WritePropertyName("parameters");
            function.JsonSchema.WriteTo(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (options.AllowMultipleToolCalls is { } several) Member("parallel_tool_calls").WriteBooleanValue(several);
        if (options.ToolMode is { } mode) WriteChoice(mode);
    }

    private void WriteChoice(ChatToolMode mode)
    {
        switch (mode)
        {
            case NoneChatToolMode:
                Member("tool_choice").WriteStringValue("none");
                break;
            case RequiredChatToolMode { RequiredFunctionName: { } name }:
                Member("tool_choice").WriteStartObject();
                json.WriteString("type", "function");
                json.WriteStartObject("function");
                json.WriteString("name", name);
                json.WriteEndObject();
                json.WriteEndObject();
                break;
            case RequiredChatToolMode:
                Member("tool_choice").WriteStringValue("required");
                break;
            case AutoChatToolMode:
                Member("tool_choice").WriteStringValue("auto");
                break;
            default:
                throw new NotSupportedException($"{mode.GetType().Name} is not a way to choose tools");
        }
    }

    private Utf8JsonWriter Member(string name)
    {
        _written.Add(name);
        json.WritePropertyName(name);
        return json;
    }
}
