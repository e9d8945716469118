using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Engine;

/// <summary>Chooses a sequence's tokens. Owned by the engine's thread.</summary>
internal interface ITokenSampler : IDisposable
{
    /// <summary>What <see cref="Sample"/> returns where no token of the vocabulary fits the output grammar.</summary>
    const int None = -1;

    /// <summary>
    /// What <see cref="Sample"/> returns where the output grammar can go on in too many ways: others would wait.
    /// </summary>
    const int TooWide = -2;

    /// <summary>Chooses the next token and remembers it.</summary>
    /// <param name="logits">One value a token of the vocabulary; empty in a simulation.</param>
    /// <param name="candidates">Scratch memory for as many.</param>
    int Sample(ReadOnlySpan<float> logits, LlamaTokenData[] candidates);
}
