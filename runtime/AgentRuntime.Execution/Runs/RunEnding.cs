using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>How a run ends. Immutable.</summary>
internal abstract record RunEnding
{
    /// <summary>The run as it stands when it has ended so, and the event that says it.</summary>
    public (RunRecord Record, RunEventData Cause) Of(ActiveRun run, DateTimeOffset at)
    {
        var (used, totals) = (run.Meter, run.Meter.Totals());
        var record = run.Record with { EndedAt = at, Usage = used.Usage, Cost = used.Cost };
        return this switch
        {
            Succeeded s => (
                record with { Status = RunStatus.Succeeded, Output = s.Output }, new RunSucceeded(s.Output, totals)),
            Failed f => (
                record with { Status = RunStatus.Failed, Error = f.Error },
                new RunFailed(ErrorResource.From(f.Error), totals)),
            Cancelled c => (
                record with { Status = RunStatus.Cancelled, Error = c.Error },
                new RunCancelled(ErrorResource.From(c.Error), totals)),
            _ => throw new InvalidOperationException("a run ends in one of three ways"),
        };
    }

    public sealed record Succeeded(string Output) : RunEnding;

    public sealed record Failed(RuntimeError Error) : RunEnding;

    public sealed record Cancelled(RuntimeError Error) : RunEnding;

    /// <summary>Something asked the run to stop; what it was is looked up afterwards.</summary>
    public sealed record Stopped : RunEnding;
}
