namespace AgentRuntime.Abstractions;

/// <summary>
/// A model's vocabulary both ways: what speaks to engines in tokens needs it. Thread-safe; does no I/O.
/// </summary>
public interface IModelTokenizer : IPromptTokenizer
{
    /// <summary>The token ids of a text that goes on in the middle: nothing is put before or after it.</summary>
    int[] TokenizeText(string text);

    /// <summary>
    /// The bytes that a token adds to a text; of a control token how it is spelled. Empty for unknown ids.
    /// </summary>
    ReadOnlyMemory<byte> BytesOf(int token);

    /// <summary>Whether a token controls the model and is not shown.</summary>
    bool IsControl(int token);

    /// <summary>
    /// How the model writes tool calls, by vLLM's name of what reads them (<c>hermes</c>, <c>llama3_json</c>,
    /// <c>mistral</c>); null where it is not known.
    /// </summary>
    string? ToolCallParser { get; }
}
