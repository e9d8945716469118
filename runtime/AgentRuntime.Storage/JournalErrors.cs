using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>Why a journal does not go on with a run; the same for every database.</summary>
internal static class JournalErrors
{
    /// <summary>The writer's last event is not the run's.</summary>
    public static RuntimeError Overtaken(RunId run) => new(
        ReasonCodes.StorageFailed, "Another writer has gone on with the run.", run.ToString());

    /// <summary>It is not there, or it has ended.</summary>
    public static RuntimeError NotUnderWay(RunId run) => new(
        ReasonCodes.StorageFailed, "The journal has no such run, or the run has ended.", run.ToString());
}
