namespace AgentRuntime.Abstractions;

/// <summary>A run as the journal holds it. Immutable.</summary>
/// <param name="Identity">Whose run it is; its agent and run ids are set.</param>
/// <param name="Module">The module that it runs, fixed when it was accepted.</param>
/// <param name="Bundle">The bundle that decides for it, fixed when it was accepted.</param>
/// <param name="Input">What the agent is given.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="CreatedAt">When it was accepted.</param>
public sealed record RunRecord(
    WorkIdentity Identity,
    ModuleDigest Module,
    BundleDigest Bundle,
    string Input,
    RunStatus Status,
    DateTimeOffset CreatedAt)
{
    /// <summary>
    /// The W3C trace context (<c>traceparent</c>) of the request that started it; null when there was none.
    /// </summary>
    public string? TraceParent { get; init; }

    /// <summary>When it ended; null while it has not.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>What the agent returned; null unless it succeeded.</summary>
    public string? Output { get; init; }

    /// <summary>Why it failed or was cancelled; null otherwise.</summary>
    public RuntimeError? Error { get; init; }

    /// <summary>Tokens used so far.</summary>
    public InferenceUsage Usage { get; init; } = InferenceUsage.None;

    /// <summary>Money used so far.</summary>
    public MicroUsd Cost { get; init; }
}
