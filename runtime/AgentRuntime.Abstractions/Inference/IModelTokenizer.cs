namespace AgentRuntime.Abstractions;

/// <summary>
/// A model's vocabulary both ways: what speaks to engines in tokens needs it. Thread-safe; does no I/O.
/// </summary>
public interface IModelTokenizer : IPromptTokenizer
{
    /// <summary>The token ids of a text that goes on in the middle: nothing is put before or after it.</summary>
    int[] TokenizeText(string text);

    /// <summary>The bytes that a token adds to a text; empty for control tokens and unknown ids.</summary>
    ReadOnlyMemory<byte> BytesOf(int token);
}
