using System.Buffers;
using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>What the router puts into a body of one leg. Immutable.</summary>
/// <param name="Model">The engine's own name of the model.</param>
/// <param name="MaxTokens">Tokens of each choice.</param>
internal sealed record LegBody(string Model, int MaxTokens)
{
    /// <summary>The tenant's salt; null for engines that do not know it.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>Whether this is the prefill leg: one token, not streamed.</summary>
    public bool Prefill { get; init; }

    /// <summary>
    /// For a prefill leg, the engine that is to decode, if the prefill engine can tell it where to fetch; null for
    /// others, of which vLLM's wants null.
    /// </summary>
    public Uri? DecodeAt { get; init; }

    /// <summary>
    /// For a prefill leg, the id that the state is to have, so that it can be let go whether or not an answer comes;
    /// null for engines that make their own.
    /// </summary>
    public string? KvId { get; init; }

    /// <summary>What the prefill leg answered, for the decode leg; null when colocated.</summary>
    public ReadOnlyMemory<byte>? KvTransfer { get; init; }

    /// <summary>Where SGLang's two legs meet; null when there is one.</summary>
    public Bootstrap? Bootstrap { get; init; }

    /// <summary>How long the engine is to keep the KV state afterwards; null for no wish.</summary>
    public RetainHint? Retain { get; init; }

    /// <summary>What the prompt is to be, for going on after an engine that died; null when starting afresh.</summary>
    public ContinuedPrompt? Continued { get; init; }
}

/// <summary>Where SGLang's decode engine finds the prefill engine's KV state. Immutable.</summary>
/// <param name="Host">The prefill engine's host.</param>
/// <param name="Port">Its bootstrap port.</param>
/// <param name="Room">The request, a number of 63 bits that no other has.</param>
internal sealed record Bootstrap(string Host, int Port, long Room);

/// <summary>
/// A wish that KV state stay cached for a conversation's next request: the action <c>kv.retain</c> of vLLM's and
/// SGLang's <c>kv_hints</c>. Immutable.
/// </summary>
/// <param name="MessageId">Names the message: the request's id.</param>
/// <param name="Seconds">How long from the request's end.</param>
internal sealed record RetainHint(string MessageId, double Seconds);

/// <summary>A prompt with what was already answered: exactly one of the first two. Immutable.</summary>
/// <param name="Tokens">Token ids of the whole; a chat is then gone on with as a text completion.</param>
/// <param name="AppendedText">Text to append to the client's own prompt.</param>
/// <param name="SentTokens">Tokens of what was already answered.</param>
internal sealed record ContinuedPrompt(IReadOnlyList<int>? Tokens, string? AppendedText, int SentTokens);

/// <summary>
/// A client's body taken apart once, from which the body of each leg is written: what the router sets itself is left
/// out, all else is copied byte for byte. Immutable once parsed.
/// </summary>
internal sealed class RequestTemplate
{
    // The middle of 1 to 100: all conversations that go on are wanted alike.
    private const int RetainPriority = 50;

    // What the router sets, and what would let a client reach into an engine's cache, queue or another's KV state.
    private static readonly HashSet<string> Withheld = new(StringComparer.Ordinal)
    {
        "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "cache_salt", "kv_transfer_params",
        "ec_transfer_params", "priority", "service_tier", "request_id", "rid", "data_parallel_rank", "vllm_xargs",
        "bootstrap_host", "bootstrap_port", "bootstrap_room", "add_generation_prompt", "continue_final_message",

        // SGLang: another name of the salt, ranks, sessions of others, code to run, adapters by path.
        "extra_key", "routed_dp_rank", "disagg_prefill_dp_rank", "session_id", "session_params", "lora_path",
        "custom_logit_processor", "custom_params", "custom_labels", "ngram_corpus_id",

        // What a router says of a cache's use (vLLM, SGLang, Dynamo): a client's word would push out others' blocks.
        "kv_hints", "kv_hint", "agent_hint", "agent_hints", "retention_directives", "retention_scope", "nvext",
    };

    // Members that only a chat has; they have done their work when its prompt is tokens.
    private static readonly HashSet<string> ChatOnly = new(StringComparer.Ordinal)
    {
        "messages", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format",
        "chat_template", "chat_template_kwargs", "documents", "logprobs", "top_logprobs", "reasoning_effort",
        "modalities", "audio", "prediction", "store", "metadata",
    };

    private readonly ReadOnlyMemory<byte> _body;
    private readonly List<Member> _members = [];
    private bool _newMaxTokens;
    private bool _isChat;
    private bool _continuable = true;

    private RequestTemplate(ReadOnlyMemory<byte> body) => _body = body;

    /// <summary>Answers to each prompt times prompts.</summary>
    public int Choices { get; private set; } = 1;

    /// <summary>The prompt or the messages, as the client wrote them.</summary>
    public ReadOnlyMemory<byte> Prompt { get; private set; }

    /// <summary>The prompt's token ids, when the client gave it so; null otherwise.</summary>
    public int[]? PromptTokens { get; private set; }

    /// <summary>Whether another engine could go on after a text that this request has begun to produce.</summary>
    public bool Continuable => _continuable && (!_isChat || MessageContent.IsText(Prompt.Span));

    /// <exception cref="JsonException">Not a JSON object.</exception>
    public static RequestTemplate Parse(ReadOnlyMemory<byte> body)
    {
        var template = new RequestTemplate(body);
        var reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = 64 });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("the body is not a JSON object");

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            var kind = reader.TokenType;
            template.Observe(name, ref reader);
            reader.Skip();
            template._members.Add(new Member(name, start, (int)reader.BytesConsumed - start, kind));
        }

        template.Complete();
        return template;
    }

    public void Write(IBufferWriter<byte> output, LegBody leg)
    {
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true });
        json.WriteStartObject();
        json.WriteString("model"u8, leg.Model);
        foreach (var member in _members)
        {
            if (Withheld.Contains(member.Name) || (leg.Prefill && member.Name is "min_tokens")
                || (leg.Continued?.Tokens is not null && ChatOnly.Contains(member.Name)))
                continue;

            json.WritePropertyName(member.Name);
            if (leg.Continued?.AppendedText is { } more && member.Name is "prompt")
                WriteContinuedPrompt(json, member, more);
            else if (leg.Continued is { } continued && member.Name is "min_tokens")
                WriteMinTokens(json, member, continued.SentTokens);
            else
                json.WriteRawValue(Value(member).Span, skipInputValidation: true);
        }

        if (leg.Continued?.Tokens is { } tokens)
            WriteTokens(json, tokens);
        json.WriteNumber(
            _newMaxTokens && leg.Continued is null ? "max_completion_tokens"u8 : "max_tokens"u8,
            leg.Prefill ? 1 : leg.MaxTokens);
        json.WriteBoolean("stream"u8, !leg.Prefill);
        if (!leg.Prefill)
        {
            json.WriteStartObject("stream_options"u8);
            json.WriteBoolean("include_usage"u8, true);
            json.WriteEndObject();
        }

        if (leg.CacheSalt is { } salt)
            json.WriteString("cache_salt"u8, salt);
        WriteKvTransfer(json, leg);
        if (leg.Retain is { } retain)
            WriteRetain(json, retain);
        if (leg.Bootstrap is { } bootstrap)
        {
            json.WriteString("bootstrap_host"u8, bootstrap.Host);
            json.WriteNumber("bootstrap_port"u8, bootstrap.Port);
            json.WriteNumber("bootstrap_room"u8, bootstrap.Room);
        }

        json.WriteEndObject();
    }

    private static void WriteKvTransfer(Utf8JsonWriter json, LegBody leg)
    {
        if (leg.Prefill)
        {
            json.WriteStartObject("kv_transfer_params"u8);
            json.WriteBoolean("do_remote_decode"u8, true);
            json.WriteBoolean("do_remote_prefill"u8, false);
            json.WriteNull("remote_engine_id"u8);
            json.WriteNull("remote_block_ids"u8);
            if (leg.KvId is { } id)
                json.WriteString("remote_request_id"u8, id);
            if (leg.DecodeAt is { } decode)
            {
                json.WriteString("remote_host"u8, decode.Host);
                json.WriteNumber("remote_port"u8, decode.Port);
            }
            else
            {
                json.WriteNull("remote_host"u8);
                json.WriteNull("remote_port"u8);
            }

            json.WriteEndObject();
        }
        else if (leg.KvTransfer is { } transfer)
        {
            json.WritePropertyName("kv_transfer_params"u8);
            json.WriteRawValue(transfer.Span, skipInputValidation: true);
        }
    }

    private static void WriteRetain(Utf8JsonWriter json, RetainHint retain)
    {
        json.WriteStartObject("kv_hints"u8);
        json.WriteString("protocol_version"u8, "0.1"u8);
        json.WriteString("message_id"u8, retain.MessageId);
        json.WriteStartArray("actions"u8);
        json.WriteStartObject();
        json.WriteString("action_id"u8, "retain"u8);
        json.WriteString("action_type"u8, "kv.retain"u8);
        json.WriteString("action_version"u8, "1.0"u8);
        json.WriteStartObject("payload"u8);
        json.WriteStartArray("directives"u8);
        json.WriteStartObject();
        json.WriteNumber("start"u8, 0);
        json.WriteNumber("priority"u8, RetainPriority);
        json.WriteNumber("duration"u8, retain.Seconds);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>
    /// The body of <c>/tokenize</c> for this prompt; a chat is rendered up to where the answer begins.
    /// </summary>
    public void WriteTokenize(IBufferWriter<byte> output, string model)
    {
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true });
        json.WriteStartObject();
        json.WriteString("model"u8, model);
        foreach (var member in _members)
        {
            if (member.Name is not ("messages" or "prompt" or "tools" or "chat_template" or "chat_template_kwargs"))
                continue;

            json.WritePropertyName(member.Name);
            json.WriteRawValue(Value(member).Span, skipInputValidation: true);
        }

        if (_isChat)
            json.WriteBoolean("add_generation_prompt"u8, true);
        json.WriteEndObject();
    }

    private void WriteContinuedPrompt(Utf8JsonWriter json, Member member, string more)
    {
        using var prompt = JsonDocument.Parse(Value(member));
        json.WriteStringValue(prompt.RootElement.GetString() + more);
    }

    /// <summary>What is still owed of the least that the client wants; engines refuse more than there may be.</summary>
    private void WriteMinTokens(Utf8JsonWriter json, Member member, int sent)
    {
        var reader = new Utf8JsonReader(Value(member).Span);
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var least))
            json.WriteNumberValue(Math.Max(0, least - sent));
        else
            json.WriteRawValue(Value(member).Span, skipInputValidation: true);
    }

    private static void WriteTokens(Utf8JsonWriter json, IReadOnlyList<int> tokens)
    {
        json.WriteStartArray("prompt"u8);
        foreach (var token in tokens)
            json.WriteNumberValue(token);
        json.WriteEndArray();
    }

    private void Observe(string name, ref Utf8JsonReader reader)
    {
        switch (name)
        {
            case "n" or "best_of" when reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var n):
                Choices = Math.Max(Choices, n);
                break;
            case "max_completion_tokens":
                _newMaxTokens = true;
                break;
            case "logprobs" when reader.TokenType is JsonTokenType.True or JsonTokenType.Number:
            case "tools" or "functions" or "response_format" or "structured_outputs" or "echo":
            case "regex" or "ebnf" or "json_schema" or "structural_tag":
            case not null when name.StartsWith("guided_", StringComparison.Ordinal):
                // Half a constrained answer, and the parser of half a tool call, live only in the engine that made it.
                _continuable &= reader.TokenType is JsonTokenType.Null or JsonTokenType.False;
                break;
            case "documents":
                // The tokens of its prompt could not be had: engines tokenize a chat without them.
                _continuable &= reader.TokenType is JsonTokenType.Null;
                break;
        }
    }

    private void Complete()
    {
        var prompt = _members.FindLast(m => m.Name is "messages" or "prompt");
        Prompt = Value(prompt);
        _isChat = prompt.Name is "messages";
        if (prompt.Name is "prompt")
        {
            _continuable &= prompt.Kind == JsonTokenType.String;
            Choices *= Prompts(Value(prompt).Span);
            PromptTokens = Tokens(Value(prompt).Span);
        }

        _continuable &= Choices == 1;
    }

    /// <summary>
    /// An array of strings or of arrays holds several prompts; a string or an array of tokens is one.
    /// </summary>
    private static int Prompts(ReadOnlySpan<byte> value)
    {
        var reader = new Utf8JsonReader(value);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
            return 1;

        var prompts = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.Number)
                return 1;

            prompts++;
            reader.Skip();
        }

        return Math.Max(1, prompts);
    }

    private static int[]? Tokens(ReadOnlySpan<byte> value)
    {
        var reader = new Utf8JsonReader(value);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
            return null;
        var tokens = new List<int>();
        while (reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var token))
            tokens.Add(token);
        return reader.TokenType == JsonTokenType.EndArray && tokens.Count > 0 ? [.. tokens] : null;
    }

    private ReadOnlyMemory<byte> Value(Member member) => _body.Slice(member.Start, member.Length);

    private readonly record struct Member(string Name, int Start, int Length, JsonTokenType Kind);
}
