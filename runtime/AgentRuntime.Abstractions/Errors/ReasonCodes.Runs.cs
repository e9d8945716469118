namespace AgentRuntime.Abstractions;

/// <content>7xxx: runs.</content>
public static partial class ReasonCodes
{
    /// <summary>The run was cancelled.</summary>
    public static readonly ReasonCode RunCancelled = new(7001);

    /// <summary>The platform stopped while the run was under way.</summary>
    public static readonly ReasonCode RunInterrupted = new(7002);

    /// <summary>The run outlived its deadline.</summary>
    public static readonly ReasonCode RunDeadline = new(7003);

    /// <summary>The agent itself reported an error.</summary>
    public static readonly ReasonCode GuestError = new(7004);

    /// <summary>The run's input is larger than the agent may take.</summary>
    public static readonly ReasonCode InputTooLarge = new(7005);

    /// <summary>More runs wait than the platform accepts.</summary>
    public static readonly ReasonCode QueueFull = new(7006);

    /// <summary>The call that was decided about does not wait for an approval.</summary>
    public static readonly ReasonCode NoApprovalWaiting = new(7007);

    /// <summary>A bucket of the tenant's memory has no room for what an agent wants to keep.</summary>
    public static readonly ReasonCode MemoryFull = new(7008);

    /// <summary>A key or a value is not what a bucket takes.</summary>
    public static readonly ReasonCode MemoryInvalid = new(7009);

    /// <summary>The run's events hold as much as they may.</summary>
    public static readonly ReasonCode JournalFull = new(7010);
}
