using System.Globalization;
using System.Text.Json;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary>
/// Sampling parameters of a leg. proto3's zeros are not the engines' defaults: everything is set. Stateless.
/// </summary>
internal static class GenerateSampling
{
    private const int MostStops = 16;
    private const int MostStopTokens = 256;
    private const int MostBiases = 1024;
    private const int MostLogProbabilities = 20;

    /// <exception cref="LegRefusal">A parameter is malformed.</exception>
    public static SamplingParams Read(JsonElement body, bool isChat, SamplingDefaults defaults)
    {
        float Of(string name, float otherwise) => LegJson.Number(body, name) ?? defaults[name] ?? otherwise;
        var p = new SamplingParams
        {
            Temperature = Of("temperature", 1),
            TopP = Of("top_p", 1),
            TopK = (uint)Math.Clamp(Of("top_k", 0), 0, int.MaxValue),
            MinP = Of("min_p", 0),
            FrequencyPenalty = LegJson.Number(body, "frequency_penalty") ?? 0,
            PresencePenalty = LegJson.Number(body, "presence_penalty") ?? 0,
            RepetitionPenalty = Of("repetition_penalty", 1),
            N = (uint)(LegJson.Integer(body, "n", 1, 128) ?? 1),
            MinTokens = (uint)(LegJson.Integer(body, "min_tokens", 0, int.MaxValue) ?? 0),
            IgnoreEos = LegJson.Flag(body, "ignore_eos"),
            SkipSpecialTokens = LegJson.Child(body, "skip_special_tokens") is not { ValueKind: JsonValueKind.False },
            SpacesBetweenSpecialTokens = true,
            IncludeStopStrInOutput = LegJson.Flag(body, "include_stop_str_in_output"),
        };
        if ((LegJson.Integer(body, "max_tokens", 1, int.MaxValue)
            ?? LegJson.Integer(body, "max_completion_tokens", 1, int.MaxValue)) is { } most)
            p.MaxTokens = (uint)most;
        if (LegJson.Child(body, "seed") is { } seed)
        {
            p.Seed = seed.ValueKind == JsonValueKind.Number && seed.TryGetInt64(out var value)
                ? unchecked((int)value) : throw LegRefusal.Malformed("seed is not an integer");
        }

        if (LegJson.Integer(body, "truncate_prompt_tokens", -1, int.MaxValue) is { } kept)
            p.TruncatePromptTokens = kept;
        Stops(body, p);
        Biases(body, p);
        LogProbabilities(body, isChat, p);
        OutputConstraint.Apply(body, p);
        return p;
    }

    private static void Stops(JsonElement body, SamplingParams p)
    {
        if (LegJson.Child(body, "stop") is { } stop)
        {
            List<string?> texts = stop.ValueKind == JsonValueKind.Array
                ? [.. stop.EnumerateArray().Select(s => s.ValueKind == JsonValueKind.String ? s.GetString() : null)]
                : [stop.ValueKind == JsonValueKind.String ? stop.GetString() : null];
            if (texts.Count > MostStops || texts.Exists(t => t is not { Length: > 0 and <= 1024 }))
                throw LegRefusal.Malformed($"stop is not at most {MostStops} texts of 1 to 1024 characters");
            p.Stop.AddRange(texts);
        }

        if (LegJson.Child(body, "stop_token_ids") is not { } tokens)
            return;
        if (tokens.ValueKind != JsonValueKind.Array || tokens.GetArrayLength() > MostStopTokens)
            throw LegRefusal.Malformed($"stop_token_ids is not a list of at most {MostStopTokens}");
        p.StopTokenIds.AddRange(tokens.EnumerateArray().Select(t => t.ValueKind == JsonValueKind.Number
            && t.TryGetUInt32(out var token) ? token : throw LegRefusal.Malformed("a stop token is no integer")));
    }

    private static void Biases(JsonElement body, SamplingParams p)
    {
        foreach (var bias in LegJson.Child(body, "logit_bias") is { ValueKind: JsonValueKind.Object } biases
            ? biases.EnumerateObject() : default)
        {
            if (!int.TryParse(bias.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var token)
                || bias.Value.ValueKind != JsonValueKind.Number || p.LogitBias.Count == MostBiases)
                throw LegRefusal.Malformed($"logit_bias does not map at most {MostBiases} token ids to numbers");
            p.LogitBias[token] = Math.Clamp(bias.Value.GetSingle(), -100, 100);
        }
    }

    private static void LogProbabilities(JsonElement body, bool isChat, SamplingParams p)
    {
        if (isChat && LegJson.Flag(body, "logprobs"))
            p.Logprobs = LegJson.Integer(body, "top_logprobs", 0, MostLogProbabilities) ?? 0;
        else if (!isChat && LegJson.Integer(body, "logprobs", 0, MostLogProbabilities) is { } most)
            p.Logprobs = most;
    }
}
