using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// What the journal says of a run that an earlier worker left: the results that the agent is given again instead of
/// doing the work twice. Immutable.
/// </summary>
internal sealed class RunHistory
{
    private const int Page = 500;

    private readonly Dictionary<int, RecordedCall> _calls = [];

    private RunHistory()
    {
    }

    /// <summary>The history of a run that nobody has started.</summary>
    public static RunHistory None { get; } = new();

    /// <summary>The number of the last call that left a trace; 0 when none did.</summary>
    public int LastCall { get; private set; }

    /// <summary>The sequence number of the last event; 0 when there is none.</summary>
    public long LastSequence { get; private set; }

    /// <summary>How many workers have had the run.</summary>
    public int Attempts { get; private set; }

    /// <summary>When the first of them started it; null when none did.</summary>
    public DateTimeOffset? StartedAt { get; private set; }

    /// <summary>Tokens that the recorded chats used, those that failed too.</summary>
    public InferenceUsage Usage { get; private set; } = InferenceUsage.None;

    /// <summary>Money that the recorded chats cost, those that failed too.</summary>
    public MicroUsd Cost { get; private set; }

    /// <summary>Reads a run's events. A run's limits bound their number.</summary>
    public static async Task<RunHistory> ReadAsync(IRunJournal journal, RunId run, CancellationToken cancellationToken)
    {
        var history = new RunHistory();
        while (await journal.ReadAsync(run, history.LastSequence, Page, cancellationToken).ConfigureAwait(false)
            is { Count: > 0 } page)
        {
            foreach (var e in page)
                history.Add(e);
            history.LastSequence = page[^1].Sequence;
        }
        return history;
    }

    /// <summary>What is recorded of a call; null when nothing is.</summary>
    public RecordedCall? Find(int call) => _calls.GetValueOrDefault(call);

    private void Add(RunEvent e)
    {
        switch (e.Data)
        {
            case RunStarted or RunResumed:
                Attempts++;
                StartedAt ??= e.At;
                break;
            case ChatStarted chat:
                Call(chat.Call, e.At).ChatStarted = chat;
                break;
            case ChatCompleted chat:
                Call(chat.Call, e.At).ChatCompleted = chat;
                Add(chat.Usage, chat.CostMicroUsd);
                break;
            case ChatFailed chat:
                Call(chat.Call, e.At).ChatFailed = chat;
                if (chat.Usage is { } usage)
                    Add(usage, chat.CostMicroUsd ?? 0);
                break;
            case ToolDecided tool:
                Call(tool.Call, e.At).Add(tool);
                break;
            case ApprovalRequested approval:
                Call(approval.Call, e.At).Add(approval);
                break;
            case ApprovalDecided approval:
                Call(approval.Call, e.At).ApprovalDecided = approval;
                Call(approval.Call, e.At).ApprovalDecidedAt = e.At;
                break;
            case ToolStarted tool:
                Call(tool.Call, e.At).ToolStarted = tool;
                break;
            case ToolCompleted tool:
                Call(tool.Call, e.At).ToolCompleted = tool;
                break;
            case ToolFailed tool:
                Call(tool.Call, e.At).ToolFailed = tool;
                break;
            case MemoryCompleted memory:
                Call(memory.Call, e.At).MemoryCompleted = memory;
                break;
            case MemoryRefused memory:
                Call(memory.Call, e.At).MemoryRefused = memory;
                break;
        }
    }

    private void Add(UsageResource usage, long costMicroUsd)
    {
        Usage += usage.ToUsage();
        Cost += new MicroUsd(costMicroUsd);
    }

    private RecordedCall Call(int number, DateTimeOffset at)
    {
        LastCall = Math.Max(LastCall, number);
        if (!_calls.TryGetValue(number, out var call))
            _calls.Add(number, call = new RecordedCall(at));
        return call;
    }
}

/// <summary>The events of one host call. Filled while the history is read, then only read.</summary>
/// <param name="at">When its first event was written: the time that its decision was made for.</param>
internal sealed class RecordedCall(DateTimeOffset at)
{
    public DateTimeOffset At => at;

    public ChatStarted? ChatStarted { get; set; }

    public ChatCompleted? ChatCompleted { get; set; }

    public ChatFailed? ChatFailed { get; set; }

    public ToolDecided? ToolDecided { get; private set; }

    /// <summary>
    /// Why policy refused the call when it was asked again: once a person had approved it, or after a restart. Null
    /// when it did not.
    /// </summary>
    public ErrorResource? RefusedLater { get; private set; }

    public ApprovalRequested? ApprovalRequested { get; private set; }

    public ApprovalDecided? ApprovalDecided { get; set; }

    public DateTimeOffset ApprovalDecidedAt { get; set; }

    public ToolStarted? ToolStarted { get; set; }

    public ToolCompleted? ToolCompleted { get; set; }

    public ToolFailed? ToolFailed { get; set; }

    public MemoryCompleted? MemoryCompleted { get; set; }

    public MemoryRefused? MemoryRefused { get; set; }

    public void Add(ToolDecided decided)
    {
        if (ToolDecided is null)
            ToolDecided = decided;
        else
            RefusedLater ??= decided.Reason;
    }

    public void Add(ApprovalRequested requested)
    {
        // The decision just before it was no refusal: it asks a person.
        ApprovalRequested = requested;
        RefusedLater = null;
    }
}
