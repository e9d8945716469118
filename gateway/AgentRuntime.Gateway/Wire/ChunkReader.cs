using System.Globalization;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Reads a chunk of a chat or text completion stream (OpenAI <c>chat.completion.chunk</c> and <c>text_completion</c>)
/// in one pass, allocating only the strings that the port needs. Unknown members are skipped. Stateless.
/// </summary>
internal static class ChunkReader
{
    private static readonly JsonReaderOptions Bounds = new() { MaxDepth = 64 };

    /// <param name="json">The chunk.</param>
    /// <param name="id">The id of the chunk before, which this one is likely to have; null for none.</param>
    /// <param name="model">The model of the chunk before, likewise.</param>
    /// <exception cref="JsonException">Not a JSON object.</exception>
    public static EngineChunk Read(ReadOnlySpan<byte> json, string? id = null, string? model = null)
    {
        var reader = new Utf8JsonReader(json, Bounds);
        var chunk = new EngineChunk { Text = "", ToolCalls = [] };
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("a chunk is not a JSON object");

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("id"u8))
                chunk = chunk with { Id = Text(ref reader, id) };
            else if (reader.ValueTextEquals("model"u8))
                chunk = chunk with { Model = Text(ref reader, model) };
            else if (reader.ValueTextEquals("created"u8))
                chunk = chunk with { Created = Number(ref reader) };
            else if (reader.ValueTextEquals("usage"u8))
                chunk = chunk with { Usage = Usage(ref reader) };
            else if (reader.ValueTextEquals("error"u8))
                chunk = chunk with { Error = Error(ref reader) };
            else if (reader.ValueTextEquals("choices"u8))
                Choices(ref reader, ref chunk);
            else
                reader.Skip();
        }

        return chunk;
    }

    private static void Choices(ref Utf8JsonReader reader, ref EngineChunk chunk)
    {
        if (!Enter(ref reader, JsonTokenType.StartArray))
            return;

        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            Choice(ref reader, ref chunk);
    }

    private static void Choice(ref Utf8JsonReader reader, ref EngineChunk chunk)
    {
        var index = 0L;
        var content = new ChoiceContent();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("index"u8))
                index = Number(ref reader);
            else if (reader.ValueTextEquals("text"u8))
                content.Text = Text(ref reader);
            else if (reader.ValueTextEquals("finish_reason"u8))
                content.FinishReason = Text(ref reader);
            else if (reader.ValueTextEquals("delta"u8))
                Delta(ref reader, ref content);
            else if (reader.ValueTextEquals("logprobs"u8))
                content.MoreThanText |= IsPresent(ref reader);
            else if (reader.ValueTextEquals("stop_reason"u8))
                content.OtherMembers |= IsPresent(ref reader);
            else
                reader.Skip();
        }

        var token = !string.IsNullOrEmpty(content.Text) || content.ToolCalls is not null || content.OtherText;
        var more = index != 0 || content.MoreThanText || content.OtherText || content.ToolCalls is not null;
        chunk = chunk with
        {
            HasChoices = true,
            HasToken = chunk.HasToken || token,
            HasMoreThanText = chunk.HasMoreThanText || more,
            Ended = chunk.Ended + (content.FinishReason is null ? 0 : 1),
            OnlyText = !chunk.HasChoices && !more && !content.OtherMembers,
        };
        if (index == 0)
        {
            chunk = chunk with
            {
                Text = content.Text ?? "",
                ToolCalls = (IReadOnlyList<ToolCallDelta>?)content.ToolCalls ?? [],
                FinishReason = content.FinishReason,
            };
        }
    }

    private static void Delta(ref Utf8JsonReader reader, ref ChoiceContent content)
    {
        if (!Enter(ref reader, JsonTokenType.StartObject))
            return;

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("content"u8))
                content.Text = Text(ref reader);
            else if (reader.ValueTextEquals("tool_calls"u8))
                content.ToolCalls = ToolCalls(ref reader);
            else if (reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8)
                || reader.ValueTextEquals("refusal"u8))
                content.OtherText |= !string.IsNullOrEmpty(Text(ref reader));
            else if (reader.ValueTextEquals("role"u8))
                reader.Skip();
            else
                content.OtherMembers |= IsPresent(ref reader);
        }
    }

    private static List<ToolCallDelta>? ToolCalls(ref Utf8JsonReader reader)
    {
        if (!Enter(ref reader, JsonTokenType.StartArray))
            return null;

        List<ToolCallDelta>? calls = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            (calls ??= []).Add(ToolCall(ref reader));
        return calls;
    }

    private static ToolCallDelta ToolCall(ref Utf8JsonReader reader)
    {
        var call = new ToolCallDelta(0, null, null, "");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("index"u8))
                call = call with { Index = (int)Math.Clamp(Number(ref reader), 0, 1_000) };
            else if (reader.ValueTextEquals("id"u8))
                call = call with { Id = Text(ref reader) };
            else if (reader.ValueTextEquals("function"u8) && Enter(ref reader, JsonTokenType.StartObject))
                call = Function(ref reader, call);
            else
                reader.Skip();
        }

        return call;
    }

    private static ToolCallDelta Function(ref Utf8JsonReader reader, ToolCallDelta call)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("name"u8))
                call = call with { Name = Text(ref reader) };
            else if (reader.ValueTextEquals("arguments"u8))
                call = call with { Arguments = Text(ref reader) ?? "" };
            else
                reader.Skip();
        }

        return call;
    }

    /// <summary>
    /// Null when it is none: no object, or one that does not tell in whole numbers how much was read and written.
    /// </summary>
    public static EngineUsage? Usage(ref Utf8JsonReader reader)
    {
        if (!Enter(ref reader, JsonTokenType.StartObject))
            return null;

        long? prompt = null, output = null;
        var usage = new EngineUsage(0, 0, 0);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("prompt_tokens"u8))
                prompt = Tokens(ref reader);
            else if (reader.ValueTextEquals("completion_tokens"u8))
                output = Tokens(ref reader);
            else if (reader.ValueTextEquals("prompt_tokens_details"u8))
                usage = Member(ref reader, "cached_tokens"u8) is { } cached
                    ? usage with { Cached = cached, CachedKnown = true }
                    : usage;
            else if (reader.ValueTextEquals("kv_transfer_ms"u8))
                usage = usage with { KvTransferMs = Real(ref reader) };
            else if (reader.ValueTextEquals("kv_transfer_bytes"u8))
                usage = usage with { KvBytes = Math.Max(0, Number(ref reader)) };
            else
                reader.Skip();
        }

        return prompt is { } read && output is { } written ? usage with { Prompt = read, Output = written } : null;
    }

    private static long? Member(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        long? value = null;
        if (!Enter(ref reader, JsonTokenType.StartObject))
            return value;

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals(name))
                value = Number(ref reader);
            else
                reader.Skip();
        }

        return value;
    }

    /// <summary>Reads an error object, or vLLM's older form in which the error's members are at the top.</summary>
    public static EngineError? Error(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
            return new EngineError(reader.GetString() ?? "", null);

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return null;
        }

        string? message = null, code = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("message"u8))
                message = Text(ref reader);
            else if (reader.ValueTextEquals("code"u8))
                code = Text(ref reader);
            else
                reader.Skip();
        }

        return new EngineError(message ?? "", code);
    }

    /// <summary>
    /// Moves to the value of a property and into it; skips it and answers false when it has another form.
    /// </summary>
    private static bool Enter(ref Utf8JsonReader reader, JsonTokenType form)
    {
        reader.Read();
        if (reader.TokenType == form)
            return true;

        reader.Skip();
        return false;
    }

    private static bool IsPresent(ref Utf8JsonReader reader)
    {
        reader.Read();
        var present = reader.TokenType != JsonTokenType.Null;
        reader.Skip();
        return present;
    }

    private static string? Text(ref Utf8JsonReader reader, string? likely = null)
    {
        reader.Read();
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return likely is not null && reader.ValueTextEquals(likely) ? likely : reader.GetString();
            case JsonTokenType.Number:
                return reader.GetDouble().ToString(CultureInfo.InvariantCulture);
            default:
                reader.Skip();
                return null;
        }
    }

    private static double? Real(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var number) && number is >= 0 and < 1e9)
            return number;

        reader.Skip();
        return null;
    }

    /// <summary>Null when it is no count. Some write a whole number with a fraction of zero.</summary>
    private static long? Tokens(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var number)
            && number is >= 0 and < long.MaxValue && double.IsInteger(number))
            return (long)number;

        reader.Skip();
        return null;
    }

    private static long Number(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number))
            return number;

        reader.Skip();
        return 0;
    }

    private struct ChoiceContent
    {
        public string? Text;
        public string? FinishReason;
        public List<ToolCallDelta>? ToolCalls;
        public bool OtherText;
        public bool MoreThanText;
        public bool OtherMembers;
    }
}
