using System.Globalization;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>What the edge must know of a client's inference request; engines read the rest. Immutable.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Stream">Whether the answer is streamed.</param>
/// <param name="IncludeUsage">Whether the stream ends with a usage chunk.</param>
/// <param name="MaxOutputTokens">Tokens of each choice; null when the client does not say.</param>
/// <param name="Choices">Prompts times answers to each.</param>
internal sealed record ClientRequest(string Model, bool Stream, bool IncludeUsage, int? MaxOutputTokens, int Choices)
{
    /// <summary>Images, sounds and films of a chat.</summary>
    public int Media { get; init; }

    private const int MaxModelChars = 256;

    /// <summary>Reads a body of the OpenAI form.</summary>
    /// <exception cref="RuntimeErrorException">AR1004: what cannot be read. AR1010: what is not offered.</exception>
    public static ClientRequest Read(ReadOnlyMemory<byte> body, InferenceOperation operation, EdgeOptions options)
    {
        using var document = Parse(body, options.MaxJsonDepth);
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
            throw Malformed("body", "the body must be a JSON object");

        var model = AnswerAssembly.Text(root, "model") ?? "";
        if (model.Length is 0 or > MaxModelChars)
            throw Malformed("model", $"'model' must name a model in 1 to {MaxModelChars} characters");

        // vLLM loads tensors as they are, and takes each for one more prompt.
        if (root.TryGetProperty("prompt_embeds", out var tensors) && tensors.ValueKind != JsonValueKind.Null)
            throw Unsupported("prompt_embeds", "a prompt must be sent as text or as tokens, not as an engine keeps it");

        if (operation == InferenceOperation.Embedding)
            return Embedding(root, model, options);

        var media = operation == InferenceOperation.Chat ? Messages(root, options) : 0;
        var prompts = operation == InferenceOperation.Chat ? 1 : Prompts(root, "prompt");
        var n = Number(root, "n") ?? 1;
        if (Number(root, "best_of") is { } best && best != n)
            throw Unsupported("best_of", "'best_of' must equal 'n'");

        if (n < 1 || (long)n * prompts > options.MaxChoices)
            throw Malformed("n", $"prompts times 'n' must be 1 to {options.MaxChoices}");

        var max = Number(root, "max_completion_tokens") ?? Number(root, "max_tokens");
        if (max < 1 || max > options.MaxOutputTokens)
            throw Malformed("max_tokens", $"'max_tokens' must be 1 to {options.MaxOutputTokens}");

        var stream = Flag(root, "stream");
        return new ClientRequest(model, stream, stream && IncludesUsage(root), max, n * prompts) { Media = media };
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> body, int maxDepth)
    {
        try
        {
            return JsonDocument.Parse(
                body, new JsonDocumentOptions { MaxDepth = maxDepth, AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            throw Malformed(
                "body",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the body is not valid JSON within the limits: line {e.LineNumber}, byte {e.BytePositionInLine}"));
        }
    }

    /// <summary>How many media there are.</summary>
    private static int Messages(JsonElement root, EdgeOptions options)
    {
        if (!root.TryGetProperty("messages", out var messages) || messages.ValueKind != JsonValueKind.Array
            || messages.GetArrayLength() == 0)
            throw Malformed("messages", "'messages' must be an array with at least one message");

        var (index, media) = (0, 0);
        foreach (var message in messages.EnumerateArray())
        {
            if (message.ValueKind != JsonValueKind.Object
                || !message.TryGetProperty("role", out var role) || role.ValueKind != JsonValueKind.String)
                throw Malformed($"messages[{index}]", "a message must be an object with a 'role'");

            if (message.TryGetProperty("content", out var content))
            {
                if (ContentParts.ProblemOf(content, options.AllowRemoteMedia) is { } problem)
                    throw Unsupported($"messages[{index}].content", problem);
                media += ContentParts.MediaIn(content);
            }

            index++;
        }

        return media;
    }

    /// <summary>Nothing is generated; the ledger holds the one output token that it holds at least.</summary>
    private static ClientRequest Embedding(JsonElement root, string model, EdgeOptions options)
    {
        if (Prompts(root, "input") > options.MaxEmbeddingInputs)
            throw Malformed("input", $"'input' has at most {options.MaxEmbeddingInputs} texts");
        if (root.TryGetProperty("encoding_format", out var format) && format.ValueKind != JsonValueKind.Null
            && (format.ValueKind != JsonValueKind.String || format.GetString() is not ("float" or "base64")))
            throw Malformed("encoding_format", "'encoding_format' must be 'float' or 'base64'");
        if (Number(root, "dimensions") < 1)
            throw Malformed("dimensions", "'dimensions' must be positive");
        return new ClientRequest(model, Stream: false, IncludeUsage: false, MaxOutputTokens: 1, Choices: 1);
    }

    private static int Prompts(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out var prompt))
            throw Malformed(name, $"'{name}' is missing");

        return prompt.ValueKind switch
        {
            JsonValueKind.String => 1,
            JsonValueKind.Array when prompt.GetArrayLength() == 0 => throw Malformed(name, $"'{name}' is empty"),
            JsonValueKind.Array when prompt[0].ValueKind == JsonValueKind.Number => 1,
            JsonValueKind.Array => prompt.GetArrayLength(),
            _ => throw Malformed(name, $"'{name}' must be a string or an array"),
        };
    }

    private static bool IncludesUsage(JsonElement root)
    {
        if (!root.TryGetProperty("stream_options", out var options) || options.ValueKind == JsonValueKind.Null)
            return false;

        return options.ValueKind == JsonValueKind.Object
            ? Flag(options, "include_usage")
            : throw Malformed("stream_options", "'stream_options' must be an object");
    }

    private static bool Flag(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False or JsonValueKind.Null => false,
            _ => throw Malformed(name, $"'{name}' must be true or false"),
        };

    private static int? Number(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            ? number
            : throw Malformed(name, $"'{name}' must be a whole number");
    }

    private static RuntimeErrorException Malformed(string where, string message) =>
        new(new RuntimeError(ReasonCodes.MalformedRequest, message, where));

    private static RuntimeErrorException Unsupported(string where, string message) =>
        new(new RuntimeError(ReasonCodes.UnsupportedParameter, message, where));
}
