using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>
/// Money of a number of tokens: computed exactly over the whole request, then rounded up to a millionth of a dollar,
/// once. What is held is never less than what the same or fewer tokens settle to. Stateless.
/// </summary>
internal static class Charge
{
    private const long TokensPerPrice = 1_000_000;

    /// <summary>The most that a reservation can cost: nothing is assumed to be cached.</summary>
    public static MicroUsd AtMost(ModelPrice price, TokenCount prompt, TokenCount output) => Sum(
        (prompt, price.PromptPerMillion.CompareTo(price.CachedPromptPerMillion) >= 0
            ? price.PromptPerMillion
            : price.CachedPromptPerMillion),
        (output, price.OutputPerMillion));

    /// <summary>What was used costs this much.</summary>
    public static MicroUsd For(ModelPrice price, InferenceUsage usage)
    {
        // An engine that reports more cached than prompt tokens must not earn money.
        var cached = Math.Min(usage.CachedPrompt.Value, usage.Prompt.Value);
        return Sum(
            (new TokenCount(usage.Prompt.Value - cached), price.PromptPerMillion),
            (new TokenCount(cached), price.CachedPromptPerMillion),
            (usage.Output, price.OutputPerMillion));
    }

    private static MicroUsd Sum(params ReadOnlySpan<(TokenCount Tokens, MicroUsd PerMillion)> parts)
    {
        Int128 sum = 0;
        foreach (var (tokens, perMillion) in parts)
            sum += (Int128)tokens.Value * perMillion.Value;
        return new MicroUsd(checked((long)((sum + TokensPerPrice - 1) / TokensPerPrice)));
    }
}
