namespace AgentRuntime.Node.Embeddings;

/// <summary>Turns tokens into a vector. One caller at a time, on any thread.</summary>
internal interface ITextEmbedder : IDisposable
{
    /// <summary>The most tokens of one text.</summary>
    int MostTokens { get; }

    /// <summary>
    /// The vector of one text, of unit length. The same tokens give the same vector, whatever came before.
    /// </summary>
    /// <param name="tokens">1 to <see cref="MostTokens"/> tokens of the vocabulary.</param>
    /// <exception cref="Abstractions.RuntimeErrorException">AR4003: the computation failed.</exception>
    float[] Embed(ReadOnlySpan<int> tokens);
}
