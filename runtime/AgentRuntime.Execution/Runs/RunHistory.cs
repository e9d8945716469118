using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// What the journal says of a run that an earlier worker left: the results that the agent is given again instead of
/// doing the work twice. A run may have recorded more than fits into memory beside all others that were left, so only
/// the places of its calls are kept, and each call is read when the agent comes to it. Immutable.
/// </summary>
internal sealed class RunHistory
{
    private const int Page = 500;

    private readonly IRunJournal? _journal;
    private readonly RunId _run;
    private readonly Dictionary<int, (long First, long Last)> _calls = [];
    private bool _isUnderWay;

    private RunHistory(IRunJournal? journal, RunId run) => (_journal, _run) = (journal, run);

    /// <summary>The history of a run that nobody has started.</summary>
    public static RunHistory None { get; } = new(null, default);

    /// <summary>The number of the last call that left a trace; 0 when none did.</summary>
    public int LastCall { get; private set; }

    /// <summary>
    /// How many lines were logged after that: those of a run that had come to its end, which was not written any more.
    /// </summary>
    public int LinesAfterLastCall { get; private set; }

    /// <summary>The sequence number of the last event; 0 when there is none.</summary>
    public long LastSequence { get; private set; }

    /// <summary>About how much text the events hold.</summary>
    public long EventChars { get; private set; }

    /// <summary>How many workers have had the run.</summary>
    public int Workers { get; private set; }

    /// <summary>
    /// How often a worker went down while it worked on the run: one that left it in good order, or while the run waited
    /// for a person or a time, did not.
    /// </summary>
    public int Lost { get; private set; }

    /// <summary>How many of these were the last ones, and brought the run no further than it was.</summary>
    public int LostInARow { get; private set; }

    /// <summary>When the first of them started it; null when none did.</summary>
    public DateTimeOffset? StartedAt { get; private set; }

    /// <summary>Tokens that the recorded chats used, those that failed too.</summary>
    public InferenceUsage Usage { get; private set; } = InferenceUsage.None;

    /// <summary>Money that the recorded chats cost, those that failed too.</summary>
    public MicroUsd Cost { get; private set; }

    /// <summary>Reads a run's events. A run's limits bound their number.</summary>
    public static async Task<RunHistory> ReadAsync(IRunJournal journal, RunId run, CancellationToken cancellationToken)
    {
        var history = new RunHistory(journal, run);
        while (await journal.ReadAsync(run, history.LastSequence, Page, cancellationToken).ConfigureAwait(false)
            is { Count: > 0 } page)
        {
            foreach (var e in page)
                history.Add(e);
            history.LastSequence = page[^1].Sequence;
        }
        return history;
    }

    /// <summary>
    /// Records, where it is not, that the last worker left the run in good order: it is not one that went down with it.
    /// Before the history is given to the next worker.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR8002: the journal cannot be written.</exception>
    public async Task SuspendAsync(CancellationToken cancellationToken)
    {
        if (!_isUnderWay)
            return;
        var suspended = await _journal!.AppendAsync(_run, LastSequence, [new RunSuspended()], cancellationToken)
            .ConfigureAwait(false);
        Add(suspended[0]);
        LastSequence = suspended[0].Sequence;
    }

    /// <summary>Whether anything is recorded of a call.</summary>
    public bool Has(int call) => _calls.ContainsKey(call);

    /// <summary>What is recorded of a call; null when nothing is.</summary>
    /// <exception cref="RuntimeErrorException">AR8002: the journal cannot be read.</exception>
    public async ValueTask<RecordedCall?> FindAsync(int call, CancellationToken cancellationToken)
    {
        if (!_calls.TryGetValue(call, out var place))
            return null;
        RecordedCall? recorded = null;
        for (var last = place.First - 1; last < place.Last;)
        {
            var page = await _journal!.ReadAsync(
                _run, last, (int)Math.Min(place.Last - last, Page), cancellationToken).ConfigureAwait(false);
            if (page.Count == 0)
                break;
            foreach (var e in page)
                if (RecordedCall.NumberOf(e.Data) == call)
                    (recorded ??= new RecordedCall(e.At)).Add(e);
            last = page[^1].Sequence;
        }
        return recorded;
    }

    private void Add(RunEvent e)
    {
        EventChars += EventText.Length(e.Data);
        switch (e.Data)
        {
            case RunStarted:
                Begin(worker: 1, e.At);
                break;
            case RunResumed resumed:
                Begin(resumed.Attempt, e.At);
                break;
            case RunSuspended when _isUnderWay:
                Lost--;
                LostInARow--;
                _isUnderWay = false;
                break;
            case GuestLogged:
                LinesAfterLastCall++;
                break;
            case ChatCompleted chat:
                Add(chat.Usage, chat.CostMicroUsd);
                break;
            case ChatFailed { Usage: { } usage } chat:
                Add(usage, chat.CostMicroUsd ?? 0);
                break;
        }

        if (RecordedCall.NumberOf(e.Data) is { } number)
        {
            // Nothing is recorded of a call a second time: the run has come further with this worker.
            LostInARow = Math.Min(LostInARow, 1);
            LinesAfterLastCall = 0;
            LastCall = Math.Max(LastCall, number);
            _calls[number] = (_calls.TryGetValue(number, out var place) ? place.First : e.Sequence, e.Sequence);
        }
    }

    /// <summary>Counts as lost until it is known not to be.</summary>
    private void Begin(int worker, DateTimeOffset at)
    {
        Workers = Math.Max(Workers, worker);
        Lost++;
        LostInARow++;
        _isUnderWay = true;
        StartedAt ??= at;
    }

    private void Add(UsageResource usage, long costMicroUsd)
    {
        Usage += usage.ToUsage();
        Cost += new MicroUsd(costMicroUsd);
    }
}
