using System.Buffers;
using System.Text.Json;
using AgentRuntime.Prompts.ToolCalls;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary>
/// GenerateResponses as OpenAI's JSON: chunks as server-sent events with the usage at the end, or one object. One
/// leg's; not thread-safe.
/// </summary>
internal sealed class GenerateJson(LegCall leg, EngineVocabulary vocabulary, string requestId, long created)
{
    private readonly SortedDictionary<uint, AnswerChoice> _choices = [];
    private readonly Dictionary<int, (long Prompt, long Cached)> _prompts = [];
    private string? _handoff;

    /// <summary>Whether all choices of a prompt have ended.</summary>
    public bool IsComplete(int prompt) =>
        Enumerable.Range(prompt * leg.Choices, leg.Choices).All(i =>
            _choices.TryGetValue((uint)i, out var choice) && choice.FinishReason is not null);

    /// <summary>
    /// Writes what a message says. Of a stream's tokens that say nothing yet, as those of a tool call before its end,
    /// the first make an event without text, by which the answer begins, and of the rest a comment tells that they
    /// came: their engine is not silent.
    /// </summary>
    /// <exception cref="IOException">It says that the engine gave the request up.</exception>
    public void Write(IBufferWriter<byte> output, int prompt, GenerateResponse response)
    {
        if (response.Chunk is { } chunk)
        {
            var index = IndexOf(prompt, chunk.Index);
            var choice = Of(index);
            choice.Add(chunk.TokenIds);
            AddProbabilities(choice, chunk.OutputLogprobs);
            var lives = leg.Stream && chunk.TokenIds.Count > 0;
            if (choice.HasNews || (lives && !choice.Begun))
                Event(output, index, choice);
            else if (lives)
                output.Write(": \n\n"u8);
        }
        else if (response.Complete is { } complete)
        {
            Complete(output, prompt, complete);
        }
    }

    /// <summary>Writes the end: the usage and the mark, or the whole object.</summary>
    public void WriteEnd(IBufferWriter<byte> output)
    {
        if (!leg.Stream)
        {
            using var whole = new Utf8JsonWriter(output);
            Whole(whole);
            return;
        }

        output.Write("data: "u8);
        using (var json = new Utf8JsonWriter(output))
        {
            Head(json);
            json.WriteStartArray("choices"u8);
            json.WriteEndArray();
            Usage(json);
            json.WriteEndObject();
        }

        output.Write("\n\ndata: [DONE]\n\n"u8);
    }

    /// <summary>Writes that the engine failed, as the last event of a stream that has begun.</summary>
    public static void WriteError(IBufferWriter<byte> output, RpcException error)
    {
        output.Write("data: "u8);
        using (var json = new Utf8JsonWriter(output))
            GrpcError.Write(json, GrpcError.CodeOf(error), error.Status.Message);
        output.Write("\n\n"u8);
    }

    private void Complete(IBufferWriter<byte> output, int prompt, GenerateComplete complete)
    {
        if (complete.FinishReason is "abort" or "error")
            throw new IOException("the engine gave the request up");
        var index = IndexOf(prompt, complete.Index);
        var choice = Of(index);
        // Chunks had the tokens of a stream already; engines repeat the last ones here.
        if (!leg.Stream)
        {
            choice.Add(complete.OutputIds);
            AddProbabilities(choice, complete.OutputLogprobs);
        }

        choice.End(complete.FinishReason.Length > 0 ? complete.FinishReason : "stop");
        var (prompted, cached) = _prompts.GetValueOrDefault(prompt);
        _prompts[prompt] = (Math.Max(prompted, complete.PromptTokens), Math.Max(cached, complete.CachedTokens));
        if (complete.HasKvTransferParamsJson)
            _handoff = complete.KvTransferParamsJson;
        if (leg.Stream)
            Event(output, index, choice);
    }

    private void AddProbabilities(AnswerChoice choice, OutputLogProbs? probabilities)
    {
        if (leg.LogProbabilities is not null)
            choice.Probabilities.AddRange(TokenProbability.Read(probabilities));
    }

    private uint IndexOf(int prompt, uint index) => index < leg.Choices
        ? (uint)(prompt * leg.Choices) + index
        : throw new IOException("the engine answers a choice that was not asked for");

    private AnswerChoice Of(uint index)
    {
        if (_choices.TryGetValue(index, out var choice))
            return choice;
        var sampling = leg.Requests[0].SamplingParams;
        // A stop string that is asked for is part of the answer.
        choice = new(
            new(sampling.IncludeStopStrInOutput ? [] : [.. sampling.Stop]),
            leg.Tools is { } syntax ? ToolCallSyntaxes.ReaderOf(syntax, leg.OnlyTool) : null,
            vocabulary,
            showControl: !sampling.SkipSpecialTokens);
        _choices.Add(index, choice);
        return choice;
    }

    private void Event(IBufferWriter<byte> output, uint index, AnswerChoice choice)
    {
        output.Write("data: "u8);
        using (var json = new Utf8JsonWriter(output))
        {
            Head(json);
            json.WriteStartArray("choices"u8);
            Choice(json, index, choice);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.Write("\n\n"u8);
    }

    private void Choice(Utf8JsonWriter json, uint index, AnswerChoice choice)
    {
        json.WriteStartObject();
        json.WriteNumber("index"u8, index);
        var text = choice.Text.ToString();
        if (!leg.IsChat)
        {
            json.WriteString("text"u8, text);
        }
        else
        {
            json.WriteStartObject(leg.Stream ? "delta"u8 : "message"u8);
            if (!choice.Begun)
                json.WriteString("role"u8, "assistant"u8);
            if (text.Length > 0 || !choice.HasCalls)
                json.WriteString("content"u8, text);
            else if (!leg.Stream)
                json.WriteNull("content"u8);
            if (choice.HasCalls)
                Calls(json, index, choice);
            json.WriteEndObject();
        }

        if (choice.Probabilities.Count > 0 && leg.IsChat)
            TokenProbability.WriteChat(json, choice.Probabilities, vocabulary);
        else if (choice.Probabilities.Count > 0)
            TokenProbability.WriteText(json, choice.Probabilities, vocabulary, choice.Written);
        json.WriteString("finish_reason"u8, choice.FinishReason);
        json.WriteEndObject();
        choice.Begun = true;
        choice.Written += text.Length;
        choice.Text.Clear();
        choice.Probabilities.Clear();
    }

    private void Calls(Utf8JsonWriter json, uint choice, AnswerChoice from)
    {
        json.WriteStartArray("tool_calls"u8);
        foreach (var (index, call) in from.TakeCalls())
        {
            json.WriteStartObject();
            if (leg.Stream)
                json.WriteNumber("index"u8, index);
            json.WriteString("id"u8, AnswerChoice.CallId(requestId, choice, index));
            json.WriteString("type"u8, "function"u8);
            json.WriteStartObject("function"u8);
            json.WriteString("name"u8, call.Name);
            json.WriteString("arguments"u8, call.Arguments);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void Head(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, (leg.IsChat ? "chatcmpl-" : "cmpl-") + requestId);
        json.WriteString("object"u8, (leg.IsChat, leg.Stream) switch
        {
            (true, true) => "chat.completion.chunk",
            (true, false) => "chat.completion",
            _ => "text_completion",
        });
        json.WriteNumber("created"u8, created);
    }

    private void Whole(Utf8JsonWriter json)
    {
        Head(json);
        json.WriteStartArray("choices"u8);
        foreach (var (index, choice) in _choices)
            Choice(json, index, choice);
        json.WriteEndArray();
        Usage(json);
        if (_handoff is not null)
        {
            json.WritePropertyName("kv_transfer_params"u8);
            json.WriteRawValue(_handoff);
        }

        json.WriteEndObject();
    }

    private void Usage(Utf8JsonWriter json)
    {
        var prompt = _prompts.Values.Sum(p => p.Prompt);
        var output = _choices.Values.Sum(c => c.Tokens);
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, prompt);
        json.WriteNumber("completion_tokens"u8, output);
        json.WriteNumber("total_tokens"u8, prompt + output);
        json.WriteStartObject("prompt_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, _prompts.Values.Sum(p => p.Cached));
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
