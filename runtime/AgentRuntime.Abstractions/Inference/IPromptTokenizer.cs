namespace AgentRuntime.Abstractions;

/// <summary>
/// Turns prompts into the token ids that one model's engines read, so that the router's names of KV blocks meet those
/// of the engines' own events. Thread-safe; does no I/O, takes about a microsecond for each token.
/// </summary>
public interface IPromptTokenizer
{
    /// <summary>
    /// The token ids of the request's prompt as an engine renders it; null when they cannot be told (several prompts,
    /// a body that engines will refuse).
    /// </summary>
    /// <param name="operation">Which endpoint the body is for.</param>
    /// <param name="body">UTF-8 JSON in OpenAI's request form.</param>
    int[]? Tokenize(InferenceOperation operation, ReadOnlyMemory<byte> body);
}
