using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>The events of one host call. Filled while they are read, then only read.</summary>
/// <param name="at">When its first event was written: the time that its decision was made for.</param>
internal sealed class RecordedCall(DateTimeOffset at)
{
    public DateTimeOffset At => at;

    public ChatStarted? ChatStarted { get; private set; }

    public ChatCompleted? ChatCompleted { get; private set; }

    public ChatFailed? ChatFailed { get; private set; }

    public ToolDecided? ToolDecided { get; private set; }

    /// <summary>
    /// Why policy refused the call when it was asked again: once a person had approved it, or after a restart. Null
    /// when it did not.
    /// </summary>
    public ErrorResource? RefusedLater { get; private set; }

    public ApprovalRequested? ApprovalRequested { get; private set; }

    public ApprovalDecided? ApprovalDecided { get; private set; }

    public DateTimeOffset ApprovalDecidedAt { get; private set; }

    public ToolStarted? ToolStarted { get; private set; }

    public ToolCompleted? ToolCompleted { get; private set; }

    public ToolFailed? ToolFailed { get; private set; }

    public MemoryCompleted? MemoryCompleted { get; private set; }

    public MemoryRefused? MemoryRefused { get; private set; }

    public SleepStarted? SleepStarted { get; private set; }

    /// <summary>The number of the call that an event is about; null for one that is about none.</summary>
    public static int? NumberOf(RunEventData data) => data switch
    {
        ChatStarted chat => chat.Call,
        ChatCompleted chat => chat.Call,
        ChatFailed chat => chat.Call,
        ToolDecided tool => tool.Call,
        ApprovalRequested approval => approval.Call,
        ApprovalDecided approval => approval.Call,
        ToolStarted tool => tool.Call,
        ToolCompleted tool => tool.Call,
        ToolFailed tool => tool.Call,
        MemoryCompleted memory => memory.Call,
        MemoryRefused memory => memory.Call,
        SleepStarted sleep => sleep.Call,
        _ => null,
    };

    /// <summary>Takes the call's next event in.</summary>
    public void Add(RunEvent e)
    {
        switch (e.Data)
        {
            case ChatStarted chat:
                ChatStarted = chat;
                break;
            case ChatCompleted chat:
                ChatCompleted = chat;
                break;
            case ChatFailed chat:
                ChatFailed = chat;
                break;
            case ToolDecided decided when ToolDecided is null:
                ToolDecided = decided;
                break;
            case ToolDecided decided:
                RefusedLater ??= decided.Reason;
                break;
            case ApprovalRequested requested:
                // The decision just before it was no refusal: it asks a person.
                ApprovalRequested = requested;
                RefusedLater = null;
                break;
            case ApprovalDecided approval:
                ApprovalDecided = approval;
                ApprovalDecidedAt = e.At;
                break;
            case ToolStarted tool:
                ToolStarted = tool;
                break;
            case ToolCompleted tool:
                ToolCompleted = tool;
                break;
            case ToolFailed tool:
                ToolFailed = tool;
                break;
            case MemoryCompleted memory:
                MemoryCompleted = memory;
                break;
            case MemoryRefused memory:
                MemoryRefused = memory;
                break;
            case SleepStarted sleep:
                SleepStarted = sleep;
                break;
        }
    }
}
