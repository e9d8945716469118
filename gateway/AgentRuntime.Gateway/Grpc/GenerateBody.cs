using System.Globalization;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary>
/// A leg's body, as it would go over HTTP, as a GenerateRequest. proto3's zeros are not vLLM's defaults: everything is
/// set. What the messages cannot carry is refused. Stateless.
/// </summary>
internal static class GenerateBody
{
    /// <exception cref="Unsupported">The messages cannot carry it.</exception>
    /// <exception cref="JsonException">The body is not what it must be.</exception>
    public static GenerateRequest Read(byte[] bytes, bool isChat, string requestId, IModelTokenizer tokenizer)
    {
        using var document = JsonDocument.Parse(bytes);
        var body = document.RootElement;
        RefuseWhatCannotGo(body);
        var tokens = tokenizer.Tokenize(isChat ? InferenceOperation.Chat : InferenceOperation.Completion, bytes)
            ?? throw new JsonException("the prompt cannot be tokenized");
        var request = new GenerateRequest
        {
            RequestId = requestId,
            Stream = Child(body, "stream") is { ValueKind: JsonValueKind.True },
            Tokenized = new() { InputIds = { tokens.Select(t => (uint)t) } },
            SamplingParams = Sampling(body),
        };
        if (Child(body, "cache_salt") is { } salt)
            request.CacheSalt = salt.GetString();
        if (Child(body, "kv_transfer_params") is { } transfer)
            request.KvTransferParamsJson = transfer.GetRawText();
        return request;
    }

    private static void RefuseWhatCannotGo(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
            throw new JsonException("the body is not an object");
        if (Child(body, "tools") is { ValueKind: JsonValueKind.Array } tools && tools.GetArrayLength() > 0)
            throw new Unsupported("tools");
        if (Child(body, "logprobs") is { ValueKind: not JsonValueKind.False })
            throw new Unsupported("logprobs");
        if (Child(body, "echo") is { ValueKind: JsonValueKind.True })
            throw new Unsupported("echo");
        if (Child(body, "prompt") is { ValueKind: JsonValueKind.Array } prompts && prompts.GetArrayLength() > 0
            && prompts[0].ValueKind != JsonValueKind.Number)
            throw new Unsupported("several prompts");
    }

    private static SamplingParams Sampling(JsonElement body)
    {
        var p = new SamplingParams
        {
            Temperature = Number(body, "temperature") ?? 1,
            TopP = Number(body, "top_p") ?? 1,
            TopK = (uint)Math.Max(0, Number(body, "top_k") ?? 0),
            MinP = Number(body, "min_p") ?? 0,
            FrequencyPenalty = Number(body, "frequency_penalty") ?? 0,
            PresencePenalty = Number(body, "presence_penalty") ?? 0,
            RepetitionPenalty = Number(body, "repetition_penalty") ?? 1,
            N = (uint)Math.Clamp(Number(body, "n") ?? 1, 1, 1024),
            IgnoreEos = Child(body, "ignore_eos") is { ValueKind: JsonValueKind.True },
            SkipSpecialTokens = true,
        };
        if ((Child(body, "max_tokens") ?? Child(body, "max_completion_tokens")) is { } most)
            p.MaxTokens = most.TryGetUInt32(out var tokens) ? tokens : throw new JsonException("max_tokens");
        if (Child(body, "seed") is { } seed)
            p.Seed = seed.TryGetInt64(out var value) ? unchecked((int)value) : throw new JsonException("seed");
        Stops(body, p);
        foreach (var bias in Child(body, "logit_bias") is { ValueKind: JsonValueKind.Object } biases
            ? biases.EnumerateObject() : default)
            p.LogitBias[int.Parse(bias.Name, CultureInfo.InvariantCulture)] = bias.Value.GetSingle();
        Format(body, p);
        return p;
    }

    private static void Stops(JsonElement body, SamplingParams p)
    {
        if (Child(body, "stop") is not { } stop)
            return;
        if (stop.ValueKind == JsonValueKind.String)
            p.Stop.Add(stop.GetString());
        else if (stop.ValueKind == JsonValueKind.Array && stop.EnumerateArray().All(s =>
            s.ValueKind == JsonValueKind.String))
            p.Stop.AddRange(stop.EnumerateArray().Select(s => s.GetString()));
        else
            throw new JsonException("stop");
    }

    private static void Format(JsonElement body, SamplingParams p)
    {
        if (Child(body, "response_format") is not { } format)
            return;
        switch (Child(format, "type")?.GetString())
        {
            case "text":
                break;
            case "json_object":
                p.JsonObject = true;
                break;
            case "json_schema" when Child(format, "json_schema") is { } wrapper
                && Child(wrapper, "schema") is { } schema:
                p.JsonSchema = schema.GetRawText();
                break;
            default:
                throw new JsonException("response_format");
        }
    }

    private static float? Number(JsonElement body, string name) => Child(body, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } value => value.GetSingle(),
        _ => throw new JsonException(name),
    };

    private static JsonElement? Child(JsonElement body, string name) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty(name, out var value)
        && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>A parameter that VllmEngine's messages cannot carry.</summary>
    internal sealed class Unsupported(string what)
        : Exception($"an engine that is reached over gRPC does not serve {what}");
}
