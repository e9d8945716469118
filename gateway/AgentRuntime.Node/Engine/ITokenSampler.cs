using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Engine;

/// <summary>Chooses a sequence's tokens. Owned by the engine's thread.</summary>
internal interface ITokenSampler : IDisposable
{
    /// <summary>Chooses the next token and remembers it.</summary>
    /// <param name="logits">One value a token of the vocabulary; empty in a simulation.</param>
    /// <param name="candidates">Scratch memory for as many.</param>
    int Sample(ReadOnlySpan<float> logits, LlamaTokenData[] candidates);
}
