using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>What a threat rule counts. Zero is nothing.</summary>
internal enum ThreatSignal : byte
{
    /// <summary>Calls that policy denied.</summary>
    Denials = 1,

    /// <summary>Calls of tools that failed.</summary>
    Failures = 2,
}

/// <summary>What a threat rule does when it fires. Zero is nothing.</summary>
internal enum ThreatEffect : byte
{
    /// <summary>It is recorded.</summary>
    Warn = 1,

    /// <summary>Every call needs a person's approval.</summary>
    RequireApproval = 2,

    /// <summary>Calls are let through only as fast as the rule says.</summary>
    Throttle = 3,

    /// <summary>Every call of the agent is denied, in all its runs, and none starts.</summary>
    QuarantineAgent = 4,

    /// <summary>The run ends.</summary>
    KillRun = 5,
}

/// <summary>When so much happens in so much time, something is done about it. Immutable.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Signal">What is counted.</param>
/// <param name="Count">How many let it fire.</param>
/// <param name="Within">In how much time.</param>
/// <param name="OfAgent">Over all runs of the agent; else in one run.</param>
/// <param name="Effect">What is done.</param>
/// <param name="Lasts">For how long.</param>
/// <param name="Position">Where it is written.</param>
internal sealed record ThreatRule(
    string Name,
    ThreatSignal Signal,
    int Count,
    TimeSpan Within,
    bool OfAgent,
    ThreatEffect Effect,
    TimeSpan Lasts,
    BundlePosition Position)
{
    public static readonly string[] EffectWords =
        ["warn", "require_approval", "throttle", "quarantine_agent", "kill_run"];

    /// <summary>The time between two calls when they are throttled.</summary>
    public TimeSpan Pace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The agents that it watches; empty for all.</summary>
    public IReadOnlyList<string> Agents { get; init; } = [];

    /// <summary>The tools whose calls count; empty for all, and for models.</summary>
    public IReadOnlyList<string> Tools { get; init; } = [];

    /// <summary>The codes of the denials that count; empty for all.</summary>
    public IReadOnlyList<string> Codes { get; init; } = [];

    /// <summary>What a refusal adds.</summary>
    public string? Reason { get; init; }

    /// <summary>It holds against the agent and not only against the run in which it fires.</summary>
    public bool HoldsAgent => OfAgent || Effect == ThreatEffect.QuarantineAgent;

    public string EffectWord => EffectWords[(int)Effect - 1];

    public bool Counts(ThreatSignal signal, string resource, ReasonCode? code) =>
        signal == Signal
        && (Tools.Count == 0 || Tools.Contains(resource))
        && (Codes.Count == 0 || (code is { } known && Codes.Contains(known.ToString())));

    /// <summary><c>5 denials within 1m of one run</c>.</summary>
    public string Describe() =>
        $"{Count} {(Signal == ThreatSignal.Denials ? "denials" : "failures")} within {YamlSection.Describe(Within)} "
            + (OfAgent ? "of the agent" : "of one run");
}
