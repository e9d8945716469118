using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <summary>What an engine's metrics say. Immutable.</summary>
internal readonly record struct EngineReport(EngineLoad Load, EngineLife Life);

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
