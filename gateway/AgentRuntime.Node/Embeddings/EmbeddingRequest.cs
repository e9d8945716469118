using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Embeddings;

/// <summary>A request to <c>/v1/embeddings</c> as it was read. Immutable.</summary>
internal sealed record EmbeddingRequest(string? Model, IReadOnlyList<RequestPrompt> Input, bool IsBase64)
{
    /// <summary>
    /// Reads OpenAI's form. <c>user</c> and what is unknown is ignored; <c>dimensions</c> is refused, because to cut a
    /// vector short is right for few models only.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR1004 malformed; AR1010 not supported.</exception>
    public static EmbeddingRequest Read(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
            throw CompletionRequestReader.Malformed("the body is not a JSON object", null);
        if (CompletionRequestReader.Child(body, "dimensions") is not null)
            throw CompletionRequestReader.Unsupported("this model's vectors have one length only", "dimensions");
        var format = CompletionRequestReader.Text(body, "encoding_format", 16) ?? "float";
        if (format is not ("float" or "base64"))
            throw CompletionRequestReader.Malformed("encoding_format is neither float nor base64", "encoding_format");
        return new(
            CompletionRequestReader.Text(body, "model", 1024),
            CompletionRequestReader.Prompts(body, "input", EmbeddingService.MostTexts),
            format == "base64");
    }
}
