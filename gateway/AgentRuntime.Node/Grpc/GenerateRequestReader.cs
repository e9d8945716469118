using System.Security.Cryptography;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Http;
using AgentRuntime.Rpc.Vllm;
using KvTransferParams = AgentRuntime.Node.Transfer.KvTransferParams;

namespace AgentRuntime.Node.Grpc;

/// <summary>
/// Reads a GenerateRequest as vLLM's servicer does (lightseekorg/smg: grpc_servicer/vllm/servicer.py,
/// <c>_sampling_params_from_proto</c>): zero means "not given" for top_p, repetition_penalty and n. Stateless.
/// </summary>
internal static class GenerateRequestReader
{
    private const int MostChoices = 32;
    private const int MostStops = 16;
    private const int MostStopTokens = 256;
    private const int MostBiases = 1024;
    private const int MostLogProbabilities = 20;
    private const int MostNameCharacters = 1024;

    /// <exception cref="RuntimeErrorException">AR1004 malformed; AR1010 not supported.</exception>
    public static CompletionRequest Read(GenerateRequest request, NodeService node) =>
        RequestJson.Read(() => ReadParts(request, node));

    private static CompletionRequest ReadParts(GenerateRequest request, NodeService node)
    {
        var sampling = request.SamplingParams ?? new();
        Check(request, sampling);
        var prompt = Prompt(request, node, sampling);
        return new()
        {
            IsChat = false,
            Model = request.HasLoraName ? request.LoraName : null,
            Prompts = [new(null, prompt)],
            MaxTokens = sampling.HasMaxTokens
                ? Within("max_tokens", sampling.MaxTokens, 1, int.MaxValue)
                : Math.Max(1, node.ContextTokens - prompt.Length),
            Choices = (int)Math.Max(1, sampling.N),
            Stream = request.Stream,
            ReportTokens = true,
            Stops = [.. sampling.Stop],
            StopTokens = [.. sampling.StopTokenIds.Select(t => unchecked((int)t))],
            IgnoreEnd = sampling.IgnoreEos,
            CacheSalt = request.HasCacheSalt ? request.CacheSalt : null,
            Sampling = Sampling(sampling),
            Transfer = Transfer(request),
        };
    }

    private static void Check(GenerateRequest request, SamplingParams p)
    {
        // A salt stays with the blocks of its prompts as long as their events are kept.
        if (request.CacheSalt.Length > MostNameCharacters || request.LoraName.Length > MostNameCharacters)
            throw Malformed($"cache_salt or lora_name has more than {MostNameCharacters} characters", "cache_salt");
        if (p.MinTokens > 0) throw CompletionRequestReader.Unsupported("min_tokens", "min_tokens");
        if (p.HasPromptLogprobs) throw CompletionRequestReader.Unsupported("prompt_logprobs", "prompt_logprobs");
        if (p.Stop.Count > MostStops || p.Stop.Any(s => s.Length is 0 or > 1024))
            throw Malformed($"stop is not at most {MostStops} texts of 1 to 1024 characters", "stop");
        if (p.StopTokenIds.Count > MostStopTokens)
            throw Malformed($"stop_token_ids has more than {MostStopTokens}", "stop_token_ids");
        if (p.N > MostChoices) throw Malformed($"n is more than {MostChoices}", "n");
        if (p.LogitBias.Count > MostBiases) throw Malformed($"logit_bias has more than {MostBiases}", "logit_bias");
        if (p.LogitBias.Any(bias => float.IsNaN(bias.Value)))
            throw Malformed("logit_bias holds what is not a number", "logit_bias");
    }

    private static int[] Prompt(GenerateRequest request, NodeService node, SamplingParams p)
    {
        int? kept = !p.HasTruncatePromptTokens ? null
            : p.TruncatePromptTokens < 0 ? node.ContextTokens - 1 : p.TruncatePromptTokens;
        int[] tokens = request.InputCase switch
        {
            GenerateRequest.InputOneofCase.Text => Tokens(request.Text, node, p, kept),
            GenerateRequest.InputOneofCase.Tokenized =>
                [.. request.Tokenized.InputIds.Select(t => unchecked((int)t))],
            _ => throw Malformed("there is neither text nor tokens", "input"),
        };
        // The end of a prompt is what the answer follows; vLLM keeps it too.
        return kept is not { } most || tokens.Length <= most ? tokens : tokens[^most..];
    }

    private static int[] Tokens(string text, NodeService node, SamplingParams p, int? kept)
    {
        // Of what is truncated any length will do, and no more is read than what may be kept.
        if (kept <= node.ContextTokens) text = node.Model.EndOf(text, kept.Value);
        else node.CheckText(text, p.HasMaxTokens ? (int)Math.Min(p.MaxTokens, int.MaxValue) : 1, "text");
        return node.Model.Tokenize(text, addSpecial: true, parseSpecial: true);
    }

    private static SamplingOptions Sampling(SamplingParams p) => new()
    {
        Temperature = p.HasTemperature ? Within("temperature", p.Temperature, 0, 10) : 1,
        TopP = p.TopP == 0 ? 1 : Within("top_p", p.TopP, 0, 1),
        TopK = (int)Math.Min(p.TopK, int.MaxValue),
        MinP = Within("min_p", p.MinP, 0, 1),
        FrequencyPenalty = Within("frequency_penalty", p.FrequencyPenalty, -2, 2),
        PresencePenalty = Within("presence_penalty", p.PresencePenalty, -2, 2),
        RepetitionPenalty = p.RepetitionPenalty == 0
            ? 1
            : Within("repetition_penalty", p.RepetitionPenalty, 0.01f, 10),
        Seed = p.HasSeed
            ? CompletionRequestReader.FoldSeed(p.Seed)
            : (uint)RandomNumberGenerator.GetInt32(int.MaxValue),
        LogitBias = p.LogitBias.ToDictionary(b => b.Key, b => Math.Clamp(b.Value, -100, 100)),
        LogProbabilities = p.HasLogprobs ? Within("logprobs", p.Logprobs, 0, MostLogProbabilities) : null,
        Grammar = Grammar(p),
    };

    private static OutputGrammar? Grammar(SamplingParams p)
    {
        switch (p.ConstraintCase)
        {
            case SamplingParams.ConstraintOneofCase.None:
                return null;
            case SamplingParams.ConstraintOneofCase.JsonObject:
                return OutputGrammar.OfAnyObject();
            case SamplingParams.ConstraintOneofCase.Grammar:
                return OutputGrammar.Given(p.Grammar);
            case SamplingParams.ConstraintOneofCase.Regex:
                return OutputGrammar.OfPattern(p.Regex);
            case SamplingParams.ConstraintOneofCase.Choice when p.Choice.Choices.Count > 0:
                return OutputGrammar.OfChoice(p.Choice.Choices);
            case SamplingParams.ConstraintOneofCase.JsonSchema:
                using (var schema = Json(p.JsonSchema, "json_schema"))
                    return OutputGrammar.OfSchema(schema.RootElement);
            default:
                throw CompletionRequestReader.Unsupported($"the constraint {p.ConstraintCase}", "constraint");
        }
    }

    private static KvTransferParams? Transfer(GenerateRequest request)
    {
        if (request.KvTransferParams is not null && !request.HasKvTransferParamsJson)
            throw CompletionRequestReader.Unsupported("the older kv_transfer_params", "kv_transfer_params");
        if (!request.HasKvTransferParamsJson || request.KvTransferParamsJson.Length == 0) return null;
        using var json = Json(request.KvTransferParamsJson, "kv_transfer_params_json");
        try
        {
            var transfer = KvTransferParams.Parse(json.RootElement);
            return request.SamplingParams is { N: > 1 } && (transfer.RemoteDecode || transfer.RemotePrefill)
                ? throw CompletionRequestReader.Unsupported("moving one prompt with several choices", "n")
                : transfer;
        }
        catch (FormatException e)
        {
            throw Malformed(e.Message, "kv_transfer_params_json");
        }
    }

    private static JsonDocument Json(string text, string where)
    {
        try
        {
            return JsonDocument.Parse(text);
        }
        catch (JsonException)
        {
            throw Malformed($"{where} is not JSON", where);
        }
    }

    private static float Within(string name, float value, float least, float most) =>
        value >= least && value <= most ? value : throw Range(name, Math.Round(least, 6), most);

    private static int Within(string name, long value, int least, int most) =>
        value >= least && value <= most ? (int)value : throw Range(name, least, most);

    private static RuntimeErrorException Range(string name, double least, double most) =>
        Malformed(FormattableString.Invariant($"{name} is not within {least}..{most}"), name);

    private static RuntimeErrorException Malformed(string message, string where) =>
        CompletionRequestReader.Malformed(message, where);
}
