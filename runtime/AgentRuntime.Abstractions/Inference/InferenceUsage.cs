namespace AgentRuntime.Abstractions;

/// <summary>Tokens of one inference request, as the engine counted them. Immutable.</summary>
/// <param name="Prompt">Prompt tokens, cached ones included.</param>
/// <param name="CachedPrompt">Prompt tokens that were already in the engine's KV cache.</param>
/// <param name="Output">Generated tokens.</param>
public sealed record InferenceUsage(TokenCount Prompt, TokenCount CachedPrompt, TokenCount Output)
{
    /// <summary>Nothing used.</summary>
    public static InferenceUsage None { get; } = new(default, default, default);

    /// <summary>The sum of two requests.</summary>
    public static InferenceUsage operator +(InferenceUsage left, InferenceUsage right) =>
        new(left.Prompt + right.Prompt, left.CachedPrompt + right.CachedPrompt, left.Output + right.Output);
}
