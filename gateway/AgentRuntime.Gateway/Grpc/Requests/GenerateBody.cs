using System.Text.Json;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary>
/// A leg's body, as it would go over HTTP, as GenerateRequests. What the messages cannot carry is refused. Stateless.
/// </summary>
internal static class GenerateBody
{
    private const int MostPrompts = 64;

    /// <param name="bytes">The body.</param>
    /// <param name="isChat">Whether it is a chat's.</param>
    /// <param name="requestId">The leg's id; each prompt of several gets one of its own.</param>
    /// <param name="vocabulary">The engine's.</param>
    /// <param name="defaults">What the engine's model samples with when a request does not say.</param>
    /// <exception cref="LegRefusal">The body is malformed, or the messages cannot carry it.</exception>
    /// <exception cref="JsonException">The body is not JSON.</exception>
    public static LegCall Read(
        byte[] bytes, bool isChat, string requestId, EngineVocabulary vocabulary, SamplingDefaults defaults)
    {
        using var document = JsonDocument.Parse(bytes);
        var body = document.RootElement;
        if (body.ValueKind != JsonValueKind.Object)
            throw LegRefusal.Malformed("the body is not an object");
        if (LegJson.Flag(body, "echo"))
            throw LegRefusal.Unsupported("echo");
        if (LegJson.Child(body, "prompt_logprobs") is not null)
            throw LegRefusal.Unsupported("prompt_logprobs");
        if (LegJson.Text(body, "suffix") is { Length: > 0 })
            throw LegRefusal.Unsupported("suffix");
        var sampling = GenerateSampling.Read(body, isChat, defaults);
        var (tools, only) = isChat ? ToolChoice.Apply(body, vocabulary.Tools, sampling) : (null, null);
        var prompts = isChat ? [vocabulary.Chat(body, bytes)] : Prompts(body, vocabulary);
        var stream = LegJson.Flag(body, "stream");
        var requests = prompts.Select((tokens, i) => new GenerateRequest
        {
            RequestId = prompts.Count == 1 ? requestId : $"{requestId}-{i}",
            Stream = stream,
            Tokenized = new() { InputIds = { tokens.Select(t => (uint)t) } },
            SamplingParams = sampling,
        }).ToList();
        foreach (var request in requests)
        {
            if (LegJson.Text(body, "cache_salt") is { } salt)
                request.CacheSalt = salt;
            if (LegJson.Child(body, "kv_transfer_params") is { } transfer)
                request.KvTransferParamsJson = transfer.GetRawText();
        }

        return new(requests, isChat) { Tools = tools, OnlyTool = only, Bootstrap = BootstrapOf(body) };
    }

    private static List<int[]> Prompts(JsonElement body, EngineVocabulary vocabulary)
    {
        if (LegJson.Child(body, "prompt") is not { } prompt)
            throw LegRefusal.Malformed("prompt is missing");
        var isOne = prompt.ValueKind == JsonValueKind.String
            || (prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() > 0
                && prompt[0].ValueKind == JsonValueKind.Number);
        if (isOne)
            return [Prompt(prompt, vocabulary)];
        return prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() is > 0 and <= MostPrompts
            ? [.. prompt.EnumerateArray().Select(p => Prompt(p, vocabulary))]
            : throw LegRefusal.Malformed($"prompt is neither text nor tokens nor a list of 1 to {MostPrompts}");
    }

    private static int[] Prompt(JsonElement prompt, EngineVocabulary vocabulary) => prompt.ValueKind switch
    {
        JsonValueKind.String => vocabulary.Prompt(prompt.GetString()!),
        JsonValueKind.Array => [.. prompt.EnumerateArray().Select(t => t.ValueKind == JsonValueKind.Number
            && t.TryGetInt32(out var token) && token >= 0
            ? token : throw LegRefusal.Malformed("a prompt's token is no integer"))],
        _ => throw LegRefusal.Malformed("a prompt is neither text nor tokens"),
    };

    private static Bootstrap? BootstrapOf(JsonElement body) =>
        LegJson.Text(body, "bootstrap_host") is { } host
        && LegJson.Child(body, "bootstrap_room") is { } room && room.TryGetInt64(out var number)
            ? new(host, LegJson.Integer(body, "bootstrap_port", 1, 65_535) ?? 0, number)
            : null;
}
