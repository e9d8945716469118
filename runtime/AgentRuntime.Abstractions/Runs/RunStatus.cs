namespace AgentRuntime.Abstractions;

/// <summary>Where a run stands. Persisted: members are added, never renumbered.</summary>
public enum RunStatus : byte
{
    /// <summary>Accepted and written to the journal; no worker has it.</summary>
    Queued = 1,

    /// <summary>A worker runs it.</summary>
    Running = 2,

    /// <summary>The agent returned its output.</summary>
    Succeeded = 3,

    /// <summary>It failed; its error says why.</summary>
    Failed = 4,

    /// <summary>Somebody cancelled it.</summary>
    Cancelled = 5,
}
