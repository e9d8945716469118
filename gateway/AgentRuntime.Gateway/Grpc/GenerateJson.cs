using System.Buffers;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Rpc.Vllm;
using Google.Protobuf.Collections;

namespace AgentRuntime.Gateway;

/// <summary>
/// GenerateResponses as OpenAI's JSON: chunks as server-sent events with the usage at the end, or one object. One
/// call's; not thread-safe.
/// </summary>
internal sealed class GenerateJson(GenerateRequest request, bool isChat, IModelTokenizer tokenizer, long created)
{
    private readonly SortedDictionary<uint, Choice> _choices = [];
    private long _prompt;
    private long _cached;
    private long _output;
    private string? _handoff;

    /// <summary>Writes what a message says; nothing when it says nothing yet.</summary>
    public void Write(IBufferWriter<byte> output, GenerateResponse response)
    {
        if (response.Chunk is { } chunk)
        {
            var text = Append(Of(chunk.Index), chunk.TokenIds);
            if (text.Length > 0)
                Event(output, chunk.Index, text, finishReason: null);
        }
        else if (response.Complete is { } complete)
        {
            Complete(output, complete);
        }
    }

    /// <summary>Writes the end: the usage and the mark, or the whole object.</summary>
    public void WriteEnd(IBufferWriter<byte> output)
    {
        if (!request.Stream)
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

    private void Complete(IBufferWriter<byte> output, GenerateComplete complete)
    {
        var choice = Of(complete.Index);
        // Chunks had the tokens of a stream already; some engines repeat the last ones here.
        var text = request.Stream ? "" : Append(choice, complete.OutputIds);
        if (!request.Stream)
            choice.Tokens = complete.OutputIds.Count;
        text += choice.Text.Complete();
        choice.Whole += text;
        choice.FinishReason = complete.FinishReason;
        _prompt = Math.Max(_prompt, complete.PromptTokens);
        _cached = Math.Max(_cached, complete.CachedTokens);
        _output += choice.Tokens;
        if (complete.HasKvTransferParamsJson)
            _handoff = complete.KvTransferParamsJson;
        if (!request.Stream)
            return;
        if (complete.FinishReason is "abort" or "error")
            output.Write("data: {\"error\":{\"message\":\"the engine aborted the request\"}}\n\n"u8);
        else
            Event(output, complete.Index, text, complete.FinishReason);
    }

    private string Append(Choice choice, RepeatedField<uint> tokens)
    {
        var text = "";
        foreach (var token in tokens)
            text += choice.Text.Append(tokenizer.BytesOf(unchecked((int)token)).Span);
        choice.Tokens += tokens.Count;
        if (!request.Stream)
            choice.Whole += text;
        return text;
    }

    private Choice Of(uint index)
    {
        if (!_choices.TryGetValue(index, out var choice))
            _choices.Add(index, choice = new(new([.. request.SamplingParams.Stop])));
        return choice;
    }

    private void Event(IBufferWriter<byte> output, uint index, string text, string? finishReason)
    {
        output.Write("data: "u8);
        using (var json = new Utf8JsonWriter(output))
        {
            Head(json);
            json.WriteStartArray("choices"u8);
            json.WriteStartObject();
            json.WriteNumber("index"u8, index);
            if (isChat)
            {
                json.WriteStartObject("delta"u8);
                if (!_choices[index].Begun)
                    json.WriteString("role"u8, "assistant"u8);
                json.WriteString("content"u8, text);
                json.WriteEndObject();
            }
            else
            {
                json.WriteString("text"u8, text);
            }

            _choices[index].Begun = true;
            json.WriteString("finish_reason"u8, finishReason);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.Write("\n\n"u8);
    }

    private void Head(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, (isChat ? "chatcmpl-" : "cmpl-") + request.RequestId);
        json.WriteString("object"u8, (isChat, request.Stream) switch
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
        {
            json.WriteStartObject();
            json.WriteNumber("index"u8, index);
            if (isChat)
            {
                json.WriteStartObject("message"u8);
                json.WriteString("role"u8, "assistant"u8);
                json.WriteString("content"u8, choice.Whole);
                json.WriteEndObject();
            }
            else
            {
                json.WriteString("text"u8, choice.Whole);
            }

            json.WriteString("finish_reason"u8, choice.FinishReason);
            json.WriteEndObject();
        }

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
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, _prompt);
        json.WriteNumber("completion_tokens"u8, _output);
        json.WriteNumber("total_tokens"u8, _prompt + _output);
        json.WriteStartObject("prompt_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, _cached);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private sealed class Choice(TokenText text)
    {
        public TokenText Text => text;

        public bool Begun { get; set; }

        public long Tokens { get; set; }

        public string Whole { get; set; } = "";

        public string? FinishReason { get; set; }
    }
}
