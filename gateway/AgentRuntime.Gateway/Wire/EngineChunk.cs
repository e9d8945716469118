using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>What one chunk of an engine's stream says. Immutable.</summary>
internal readonly record struct EngineChunk
{
    public string? Id { get; init; }

    public string? Model { get; init; }

    public long Created { get; init; }

    /// <summary>Whether the chunk has a choice: the usage chunk at the end has none.</summary>
    public bool HasChoices { get; init; }

    /// <summary>Whether some choice gets text or a piece of a tool call: a token was generated.</summary>
    public bool HasToken { get; init; }

    /// <summary>
    /// Whether some choice gets what no other engine could continue: a tool call, reasoning, logprobs.
    /// </summary>
    public bool HasMoreThanText { get; init; }

    /// <summary>
    /// Whether the chunk has choice 0 alone, and nothing of it but <see cref="Text"/> and <see cref="FinishReason"/>.
    /// </summary>
    public bool OnlyText { get; init; }

    /// <summary>Text of choice 0.</summary>
    public string Text { get; init; }

    /// <summary>Tool-call pieces of choice 0.</summary>
    public IReadOnlyList<ToolCallDelta> ToolCalls { get; init; }

    /// <summary>Why choice 0 ended.</summary>
    public string? FinishReason { get; init; }

    /// <summary>How many choices end here.</summary>
    public int Ended { get; init; }

    public EngineUsage? Usage { get; init; }

    /// <summary>An error in mid-stream, as vLLM sends it; null when there is none.</summary>
    public EngineError? Error { get; init; }
}

/// <summary>An engine's usage object. Immutable.</summary>
/// <param name="Prompt">Prompt tokens, cached ones included.</param>
/// <param name="Cached">Of which cached.</param>
/// <param name="Output">Generated tokens.</param>
internal sealed record EngineUsage(long Prompt, long Cached, long Output)
{
    /// <summary>
    /// Whether the engine told how much was cached: vLLM and SGLang do so only when asked at their start.
    /// </summary>
    public bool CachedKnown { get; init; }

    /// <summary>Milliseconds that moving the KV state took; null when not reported (bundled node only).</summary>
    public double? KvTransferMs { get; init; }

    /// <summary>Bytes of KV state moved; null when not reported (bundled node only).</summary>
    public long? KvBytes { get; init; }

    public InferenceUsage ToUsage() => new(
        new(Math.Max(0, Prompt)), new(Math.Clamp(Cached, 0, Math.Max(0, Prompt))), new(Math.Max(0, Output)));
}

/// <summary>An engine's error object. Immutable.</summary>
/// <param name="Message">What it says.</param>
/// <param name="Code">Its code as text; null when it has none.</param>
internal sealed record EngineError(string Message, string? Code);
