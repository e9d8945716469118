using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <summary>What an engine's metrics say. Immutable.</summary>
internal readonly record struct EngineReport(EngineLoad Load, EngineLife Life)
{
    /// <summary>What it says of its adapters; null for nothing.</summary>
    public LoraReport? Loras { get; init; }
}

/// <summary>
/// An engine's <c>vllm:lora_requests_info</c> (Gateway API Inference Extension, model server protocol). Immutable.
/// </summary>
/// <param name="Running">Adapters of requests that it works on, by its own names.</param>
/// <param name="Waiting">Adapters of requests that wait in it.</param>
/// <param name="Capacity">How many it holds loaded.</param>
internal sealed record LoraReport(IReadOnlyList<string> Running, IReadOnlyList<string> Waiting, int Capacity);

/// <summary>
/// What tells one process of an engine from the next: when it started, where metrics say so, and counters that only
/// ever grow. Immutable.
/// </summary>
/// <param name="StartedAt">Unix seconds; 0 when not said.</param>
/// <param name="Tokens">Prompt and output tokens so far.</param>
internal readonly record struct EngineLife(double StartedAt, double Tokens)
{
    public bool IsAnother(EngineLife than) =>
        (than.StartedAt > 0 && StartedAt > 0 && Math.Abs(StartedAt - than.StartedAt) > 0.5) || Tokens < than.Tokens;
}
