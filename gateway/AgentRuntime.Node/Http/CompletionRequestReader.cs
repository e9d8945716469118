using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Transfer;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Http;

/// <summary>
/// Reads a request body in OpenAI's form with vLLM's extensions. What is unknown is ignored, as both do; what is known
/// and wrong is refused by name. Stateless.
/// </summary>
internal static class CompletionRequestReader
{
    private const int MostMessages = 4096;
    private const int MostPrompts = 64;
    private const int MostStops = 16;
    private const int MostChoices = 32;
    private const int MostCallIdCharacters = 65_536;

    /// <param name="body">The body.</param>
    /// <param name="isChat">Whether it asks for a chat's answer.</param>
    /// <param name="calls">How the model writes tool calls.</param>
    /// <exception cref="RuntimeErrorException">AR1004 malformed; AR1010 not supported.</exception>
    public static CompletionRequest Read(
        JsonElement body, bool isChat, ToolCallSyntax calls) =>
        RequestJson.Read(() => ReadParts(body, isChat, calls));

    /// <summary>
    /// Reads a body for the prompt that it makes: without the grammar, which has no part in it and costs the most.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR1004 malformed; AR1010 not supported.</exception>
    public static CompletionRequest ReadForPrompt(JsonElement body, bool isChat) =>
        RequestJson.Read(() => ReadParts(body, isChat, calls: null));

    private static CompletionRequest ReadParts(JsonElement body, bool isChat, ToolCallSyntax? calls)
    {
        if (body.ValueKind != JsonValueKind.Object) throw Malformed("the body is not a JSON object", null);
        var (tools, grammar) = !isChat ? ([], calls is null ? null : OutputFormatReader.Format(body))
            : calls is null ? (OutputFormatReader.Offered(body), null)
            : OutputFormatReader.Read(body, calls.Value);
        var request = new CompletionRequest
        {
            IsChat = isChat,
            Model = Text(body, "model", 1024),
            Messages = isChat ? Messages(body) : [],
            Prompts = isChat ? [] : Prompts(body, "prompt", MostPrompts),
            MaxTokens = Integer(body, "max_completion_tokens", 1, int.MaxValue)
                ?? Integer(body, "max_tokens", 1, int.MaxValue),
            Choices = Integer(body, "n", 1, MostChoices) ?? 1,
            Stream = Boolean(body, "stream"),
            IncludeUsage = Child(body, "stream_options") is { } options && Boolean(options, "include_usage"),
            Stops = Stops(body),
            IgnoreEnd = Boolean(body, "ignore_eos"),
            CacheSalt = Text(body, "cache_salt", 1024),
            Retain = KvHintsReader.Read(body),
            Sampling = Sampling(body, isChat) with { Grammar = grammar },
            Transfer = Transfer(body),
            Tools = tools,
            TemplateArguments = isChat ? TemplateArguments(body) : null,
        };
        if (!isChat && Boolean(body, "echo")) throw Unsupported("the answer does not repeat the prompt", "echo");
        if (!isChat && Text(body, "suffix", int.MaxValue) is { Length: > 0 })
            throw Unsupported("the answer is not made for what comes after it", "suffix");
        if (request.Transfer is { } t && (t.RemoteDecode || t.RemotePrefill) && (request.Choices > 1
            || request.Prompts.Count > 1))
            throw Unsupported("kv_transfer_params moves one prompt with one choice", "kv_transfer_params");
        return request;
    }

    public static RuntimeErrorException Malformed(string message, string? where) =>
        new(new(ReasonCodes.MalformedRequest, message, where));

    public static RuntimeErrorException Unsupported(string message, string where) =>
        new(new(ReasonCodes.UnsupportedParameter, message, where));

    /// <summary>
    /// A seed in 32 bits. 0xFFFFFFFF asks llama.cpp for a random one, which a given seed must never do.
    /// </summary>
    public static uint FoldSeed(long seed)
    {
        var folded = (uint)(seed ^ (seed >> 32));
        return folded == uint.MaxValue ? 0 : folded;
    }

    private static KvTransferParams? Transfer(JsonElement body)
    {
        try
        {
            return KvTransferParams.Read(body);
        }
        catch (FormatException e)
        {
            throw Malformed(e.Message, "kv_transfer_params");
        }
    }

    private static SamplingOptions Sampling(JsonElement body, bool isChat)
    {
        int? top = null;
        if (isChat)
        {
            if (Boolean(body, "logprobs")) top = Integer(body, "top_logprobs", 0, 20) ?? 0;
        }
        else
        {
            top = Integer(body, "logprobs", 0, 20);
        }

        return new()
        {
            Temperature = Number(body, "temperature", 0, 10) ?? 1,
            TopP = Number(body, "top_p", 0, 1) is { } p ? p > 0 ? p : throw Malformed("top_p is not above 0", "top_p")
                : 1,
            TopK = Math.Max(0, Integer(body, "top_k", -1, int.MaxValue) ?? 0),
            MinP = Number(body, "min_p", 0, 1) ?? 0,
            FrequencyPenalty = Number(body, "frequency_penalty", -2, 2) ?? 0,
            PresencePenalty = Number(body, "presence_penalty", -2, 2) ?? 0,
            RepetitionPenalty = Number(body, "repetition_penalty", 0.01f, 10) ?? 1,
            Seed = Seed(body),
            LogitBias = LogitBias(body),
            LogProbabilities = top,
        };
    }

    private static uint Seed(JsonElement body)
    {
        if (Child(body, "seed") is not { } seed) return (uint)RandomNumberGenerator.GetInt32(int.MaxValue);
        if (seed.ValueKind != JsonValueKind.Number || !seed.TryGetInt64(out var value))
            throw Malformed("seed is not an integer", "seed");
        return FoldSeed(value);
    }

    private static Dictionary<int, float> LogitBias(JsonElement body)
    {
        Dictionary<int, float> biases = [];
        if (Child(body, "logit_bias") is not { } value) return biases;
        if (value.ValueKind != JsonValueKind.Object) throw Malformed("logit_bias is not an object", "logit_bias");
        foreach (var property in value.EnumerateObject())
        {
            if (!int.TryParse(property.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var token)
                || property.Value.ValueKind != JsonValueKind.Number || biases.Count == 1024)
                throw Malformed("logit_bias does not map at most 1024 token ids to numbers", "logit_bias");
            biases[token] = Math.Clamp((float)property.Value.GetDouble(), -100, 100);
        }

        return biases;
    }

    private static JsonElement? TemplateArguments(JsonElement body) => Child(body, "chat_template_kwargs") switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } arguments => arguments.Clone(),
        _ => throw Malformed("chat_template_kwargs is not an object", "chat_template_kwargs"),
    };

    private static List<RequestMessage> Messages(JsonElement body)
    {
        if (Child(body, "messages") is not { ValueKind: JsonValueKind.Array } array || array.GetArrayLength() == 0)
            throw Malformed("messages is not a list with at least one message", "messages");
        if (array.GetArrayLength() > MostMessages) throw Malformed($"messages has more than {MostMessages} entries",
            "messages");
        return [.. array.EnumerateArray().Select(Message)];
    }

    private static RequestMessage Message(JsonElement value, int index)
    {
        var where = $"messages[{index}]";
        if (value.ValueKind != JsonValueKind.Object) throw Malformed($"{where} is not an object", where);
        var role = Text(value, "role", 32) ?? throw Malformed($"{where}.role is missing", where);
        if (role == "developer") role = "system";
        if (role is not ("system" or "user" or "assistant" or "tool"))
            throw Malformed($"{where}.role is none of system, developer, user, assistant, tool", where);
        List<RequestToolCall> calls = [];
        if (Child(value, "tool_calls") is { } list)
        {
            if (list.ValueKind != JsonValueKind.Array) throw Malformed($"{where}.tool_calls is not a list", where);
            foreach (var call in list.EnumerateArray())
            {
                if (Child(call, "function") is not { ValueKind: JsonValueKind.Object } function)
                    throw Malformed($"{where}.tool_calls has an entry without a function", where);
                var name = Text(function, "name", 256)
                    ?? throw Malformed($"{where}.tool_calls names no function", where);
                calls.Add(new(name, Text(function, "arguments", int.MaxValue) ?? "{}", CallId(call, "id")));
            }
        }

        return new(role, Content(value, where))
        {
            ToolCalls = calls, Name = Text(value, "name", 256), CallId = CallId(value, "tool_call_id"),
        };
    }

    /// <summary>A call's id, which may be long: some services put what their model remembers into it.</summary>
    private static string? CallId(JsonElement holder, string name) => Text(holder, name, MostCallIdCharacters);

    private static string Content(JsonElement message, string where)
    {
        if (Child(message, "content") is not { } content) return "";
        if (content.ValueKind == JsonValueKind.String) return content.GetString() ?? "";
        if (content.ValueKind != JsonValueKind.Array) throw Malformed($"{where}.content is neither text nor a list",
            where);
        return string.Concat(content.EnumerateArray().Select(part =>
            part.ValueKind == JsonValueKind.Object && Text(part, "type", 64) is "text" or "input_text" or "output_text"
                ? Text(part, "text", int.MaxValue) ?? ""
                : throw Unsupported($"{where}.content has a part that is not text; this model reads text only",
                    where)));
    }

    /// <summary>A text, a list of texts, a list of tokens, or a list of those; at most so many.</summary>
    /// <exception cref="RuntimeErrorException">AR1004: it is none of them.</exception>
    public static List<RequestPrompt> Prompts(JsonElement body, string name, int most)
    {
        if (Child(body, name) is not { } prompt) throw Malformed($"{name} is missing", name);
        if (prompt.ValueKind == JsonValueKind.String) return [new(prompt.GetString(), null)];
        if (prompt.ValueKind != JsonValueKind.Array || prompt.GetArrayLength() == 0)
            throw Malformed($"{name} is neither text nor a list that is not empty", name);
        if (prompt[0].ValueKind == JsonValueKind.Number) return [new(null, Tokens(prompt, name))];
        if (prompt.GetArrayLength() > most) throw Malformed($"{name} has more than {most} entries", name);
        return [.. prompt.EnumerateArray().Select(p => p.ValueKind switch
        {
            JsonValueKind.String => new RequestPrompt(p.GetString(), null),
            JsonValueKind.Array => new RequestPrompt(null, Tokens(p, name)),
            _ => throw Malformed($"{name} holds neither texts nor token lists", name),
        })];
    }

    private static int[] Tokens(JsonElement list, string name) =>
        [.. list.EnumerateArray().Select(t => t.ValueKind == JsonValueKind.Number && t.TryGetInt32(out var token)
            ? token
            : throw Malformed($"{name} holds a token that is not an integer", name))];

    private static List<string> Stops(JsonElement body)
    {
        if (Child(body, "stop") is not { } stop) return [];
        List<string?> texts = stop.ValueKind switch
        {
            JsonValueKind.String => [stop.GetString()],
            JsonValueKind.Array => [.. stop.EnumerateArray()
                .Select(s => s.ValueKind == JsonValueKind.String ? s.GetString() : null)],
            _ => [null],
        };
        return texts.Count <= MostStops && texts.TrueForAll(t => t is { Length: > 0 and <= 1024 })
            ? [.. texts.OfType<string>()]
            : throw Malformed($"stop is not at most {MostStops} texts of 1 to 1024 characters", "stop");
    }

    /// <summary>A member that is there and not null.</summary>
    public static JsonElement? Child(JsonElement body, string name) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty(name, out var value)
        && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <exception cref="RuntimeErrorException">AR1004: it is no text, or longer.</exception>
    public static string? Text(JsonElement body, string name, int most) => Child(body, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } s when s.GetString() is { } text && text.Length <= most => text,
        _ => throw Malformed($"{name} is not a text of at most {most} characters", name),
    };

    /// <exception cref="RuntimeErrorException">AR1004: it is neither true nor false.</exception>
    public static bool Boolean(JsonElement body, string name, bool otherwise = false) => Child(body, name) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.False } => false,
        { ValueKind: JsonValueKind.True } => true,
        _ => throw Malformed($"{name} is not a boolean", name),
    };

    private static int? Integer(JsonElement body, string name, int least, int most) => Child(body, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } n when n.TryGetInt32(out var value) && value >= least && value <= most =>
            value,
        _ => throw Malformed($"{name} is not an integer within {least}..{most}", name),
    };

    private static float? Number(JsonElement body, string name, float least, float most) => Child(body, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } n when n.GetDouble() >= least && n.GetDouble() <= most =>
            (float)n.GetDouble(),
        _ => throw Malformed(
            string.Create(CultureInfo.InvariantCulture, $"{name} is not a number within {least}..{most}"), name),
    };
}
