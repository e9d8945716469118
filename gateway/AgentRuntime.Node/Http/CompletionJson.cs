using System.Security.Cryptography;
using System.Text.Json;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Http;

/// <summary>Writes the objects of OpenAI's completion endpoints. One for a response; not thread-safe.</summary>
internal sealed class CompletionJson(NodeService node, CompletionRequest request, string id, long created)
{
    /// <summary>A whole answer.</summary>
    public void WriteResponse(Utf8JsonWriter json, IReadOnlyList<ChoiceText> choices, Totals totals)
    {
        Begin(json, request.IsChat ? "chat.completion" : "text_completion");
        json.WriteStartArray("choices");
        foreach (var choice in choices)
        {
            json.WriteStartObject();
            json.WriteNumber("index", choice.Index);
            if (request.IsChat)
            {
                json.WriteStartObject("message");
                json.WriteString("role", "assistant");
                json.WriteString("content", choice.Calls.Count > 0 && choice.Text.Length == 0 ? null : choice.Text);
                json.WriteNull("refusal");
                if (choice.Calls.Count > 0) Calls(json, choice.Calls, 0, streamed: false);
                json.WriteEndObject();
            }
            else
            {
                json.WriteString("text", choice.Text);
            }

            LogProbabilities(json, choice.Tokens);
            json.WriteString("finish_reason", choice.FinishReason);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        Usage(json, totals);
        Vendor(json, totals);
        if (totals.Lease is { } lease)
        {
            json.WritePropertyName("kv_transfer_params");
            KvHandoffJson.Write(json, node, lease);
        }

        json.WriteEndObject();
    }

    /// <summary>A chunk of a streamed answer.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="delta">What it adds.</param>
    /// <param name="first">Whether it is its choice's first.</param>
    /// <param name="callsBefore">Tool calls of its choice in earlier chunks.</param>
    /// <param name="keepEmptyText">Whether a text of nothing is written too.</param>
    public void WriteDelta(
        Utf8JsonWriter json, ChoiceDelta delta, bool first, int callsBefore, bool keepEmptyText = false)
    {
        Begin(json, request.IsChat ? "chat.completion.chunk" : "text_completion");
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", delta.Index);
        if (request.IsChat)
        {
            json.WriteStartObject("delta");
            if (first) json.WriteString("role", "assistant");
            if (first || keepEmptyText || delta.Text.Length > 0) json.WriteString("content", delta.Text);
            if (delta.Calls.Count > 0) Calls(json, delta.Calls, callsBefore, streamed: true);
            json.WriteEndObject();
        }
        else
        {
            json.WriteString("text", delta.Text);
        }

        LogProbabilities(json, delta.Tokens);
        json.WriteString("finish_reason", delta.FinishReason);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>What is around the text in a choice's chunks after its first, where they add text only.</summary>
    public ChunkTemplate TemplateOf(EventStream events, int choice) => ChunkTemplate.Of(
        events.Format(json => WriteDelta(json, new(choice, ""), first: false, 0, keepEmptyText: true)).Span,
        request.IsChat ? "content" : "text");

    /// <summary>The last chunk: no choices, the usage.</summary>
    public void WriteUsage(Utf8JsonWriter json, Totals totals)
    {
        Begin(json, request.IsChat ? "chat.completion.chunk" : "text_completion");
        json.WriteStartArray("choices");
        json.WriteEndArray();
        Usage(json, totals);
        Vendor(json, totals);
        if (totals.Lease is { } lease)
        {
            json.WritePropertyName("kv_transfer_params");
            KvHandoffJson.Write(json, node, lease);
        }

        json.WriteEndObject();
    }

    private static void Calls(Utf8JsonWriter json, IReadOnlyList<RequestToolCall> calls, int index, bool streamed)
    {
        json.WriteStartArray("tool_calls");
        foreach (var call in calls)
        {
            json.WriteStartObject();
            if (streamed) json.WriteNumber("index", index++);
            json.WriteString("id", "call_" + RandomNumberGenerator.GetHexString(24, lowercase: true));
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", call.Name);
            json.WriteString("arguments", call.ArgumentsJson);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Usage(Utf8JsonWriter json, Totals totals)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", totals.PromptTokens);
        json.WriteNumber("completion_tokens", totals.OutputTokens);
        json.WriteNumber("total_tokens", totals.PromptTokens + totals.OutputTokens);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", totals.CachedTokens);
        json.WriteEndObject();
        if (totals.Transfer is { } transfer)
        {
            json.WriteNumber("kv_transfer_bytes", transfer.Bytes);
            json.WriteNumber("kv_transfer_ms", Math.Round(transfer.Milliseconds, 3));
        }

        json.WriteEndObject();
    }

    private void Begin(Utf8JsonWriter json, string kind)
    {
        json.WriteStartObject();
        json.WriteString("id", id);
        json.WriteString("object", kind);
        json.WriteNumber("created", created);
        json.WriteString("model", request.Model ?? node.ModelName);
    }

    private void Vendor(Utf8JsonWriter json, Totals totals)
    {
        json.WriteStartObject("x_agentruntime");
        json.WriteString("engine", node.EngineName);
        json.WriteNumber("time_to_first_token_ms", Math.Round(totals.TimeToFirstTokenMs, 3));
        if (totals.Transfer is { } transfer)
        {
            json.WriteStartObject("kv_transfer");
            json.WriteString("outcome", transfer.Code is null ? "transferred" : "recomputed");
            json.WriteNumber("bytes", transfer.Bytes);
            json.WriteNumber("ms", Math.Round(transfer.Milliseconds, 3));
            json.WriteNumber("tokens", transfer.Tokens);
            if (transfer.Code is not null) json.WriteString("code", transfer.Code);
            if (transfer.Reason is not null) json.WriteString("reason", transfer.Reason);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private void LogProbabilities(Utf8JsonWriter json, IReadOnlyList<TokenReport> tokens)
    {
        if (request.Sampling.LogProbabilities is null || tokens.Count == 0)
        {
            json.WriteNull("logprobs");
            return;
        }

        json.WriteStartObject("logprobs");
        if (request.IsChat) ChatLogProbabilities(json, tokens);
        else TextLogProbabilities(json, tokens);
        json.WriteEndObject();
    }

    private void ChatLogProbabilities(Utf8JsonWriter json, IReadOnlyList<TokenReport> tokens)
    {
        json.WriteStartArray("content");
        foreach (var token in tokens)
        {
            json.WriteStartObject();
            Token(json, token.Token, token.LogProbabilities.Chosen);
            json.WriteStartArray("top_logprobs");
            foreach (var (alternative, probability) in token.LogProbabilities.Top)
            {
                json.WriteStartObject();
                Token(json, alternative, probability);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNull("refusal");
    }

    private void Token(Utf8JsonWriter json, int token, float probability)
    {
        json.WriteString("token", node.Model.TokenText(token));
        json.WriteNumber("logprob", probability);
        json.WriteStartArray("bytes");
        foreach (var b in node.Model.Piece(token)) json.WriteNumberValue(b);
        json.WriteEndArray();
    }

    private void TextLogProbabilities(Utf8JsonWriter json, IReadOnlyList<TokenReport> tokens)
    {
        json.WriteStartArray("tokens");
        foreach (var token in tokens) json.WriteStringValue(node.Model.TokenText(token.Token));
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        foreach (var token in tokens) json.WriteNumberValue(token.LogProbabilities.Chosen);
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs");
        foreach (var token in tokens)
        {
            json.WriteStartObject();
            foreach (var (text, probability) in token.LogProbabilities.Top
                         .Select(t => (node.Model.TokenText(t.Token), t.LogProbability)).DistinctBy(t => t.Item1))
                json.WriteNumber(text, probability);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}

/// <summary>A choice's whole text.</summary>
internal sealed record ChoiceText(
    int Index, string Text, string? FinishReason, IReadOnlyList<TokenReport> Tokens,
        IReadOnlyList<RequestToolCall> Calls);

/// <summary>A response's figures.</summary>
internal sealed record Totals(
    int PromptTokens, int OutputTokens, int CachedTokens, double TimeToFirstTokenMs, TransferReport? Transfer,
        KvLease? Lease);
