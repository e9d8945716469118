using AgentRuntime.Policies.Cedar;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>
/// A condition of a grant over what happened before in the same run. Immutable; each run has a monitor of its own that
/// follows the events it watches with a constant amount of work each.
/// </summary>
/// <param name="Position">Where it is written.</param>
internal abstract record HistoryCondition(BundlePosition Position)
{
    /// <summary>The only tools whose calls its monitor must hear of; null when it reads the run's figures.</summary>
    public abstract string? Watched { get; }

    /// <summary>The condition in words, as a refusal says it.</summary>
    public abstract string Describe();

    /// <summary>The state of one run; null when the run's figures are enough.</summary>
    public abstract HistoryMonitor? Start();

    /// <summary>Whether it holds for a call that is about to be made. Called with the run's lock held.</summary>
    public abstract bool Holds(HistoryMonitor? monitor, RunFigures figures, in HistoryCall call);
}

/// <summary>A call as history sees it.</summary>
internal readonly record struct HistoryCall(string Tool, CedarRecord Input, DateTimeOffset At);

/// <summary>Follows the calls of one tool in one run. Called with the run's lock held.</summary>
internal abstract class HistoryMonitor
{
    /// <summary>A call was allowed and is in flight.</summary>
    /// <returns>What <see cref="End"/> needs to know of it.</returns>
    public abstract object? Begin(in HistoryCall call);

    /// <summary>It ended.</summary>
    public abstract void End(in HistoryCall call, object? begun, Abstractions.CallOutcome outcome);
}
