namespace AgentRuntime.Abstractions;

/// <summary>One entry of a run's journal. Immutable.</summary>
/// <param name="Run">The run.</param>
/// <param name="Sequence">1, 2, 3, … within the run, without gaps.</param>
/// <param name="At">When it was recorded.</param>
/// <param name="Data">What happened.</param>
public sealed record RunEvent(RunId Run, long Sequence, DateTimeOffset At, RunEventData Data);
