using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using AgentRuntime.Abstractions;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Execution;

/// <summary>
/// Accepts, executes, shows and stops runs. <see cref="ResumeAsync"/> comes first, then runs are accepted;
/// <see cref="RunAsync"/> is the worker loop, and until it is called accepted runs wait. The journal is the truth
/// about runs; what is kept in memory is only what this process is executing. Thread-safe.
/// </summary>
public sealed partial class RunService : IRunService, IRunApprovals
{
    private const int WatchPage = 256;
    private const int MaxShownApprovals = 1_000;

    private readonly ISandboxEngine _sandboxes;
    private readonly IAgentStore _agents;
    private readonly IPolicyDecisionPoint _policies;
    private readonly IRunJournal _journal;
    private readonly IQuotaLedger _ledger;
    private readonly TimeProvider _time;
    private readonly RunServiceOptions _options;
    private readonly ILogger<RunService> _log;
    private readonly ChatHandler _chats;
    private readonly ToolHandler _tools;
    private readonly MemoryHandler _memory;
    private readonly DecisionRecords _records;
    private readonly RunResumption _resumption;
    private readonly ConcurrentDictionary<RunId, OpenRun> _active = [];
    private readonly ConcurrentDictionary<ActiveRun, Task> _executing = [];
    private readonly Channel<ActiveRun> _queue;
    private readonly SemaphoreSlim _workers;
    private readonly GuestShelf _shelf;
    private readonly GuestMemory _guests;

    // Whoever has a worker may wait: there are but so many.
    private readonly TenantLines _compilations = new(1, "modules", int.MaxValue);
    private readonly LeftRuns _left;
    private int _waiting;
    private volatile bool _resumed;

    /// <summary>Composes the service; nothing starts before <see cref="RunAsync"/>.</summary>
    /// <param name="sandboxes">Runs the agents' modules.</param>
    /// <param name="agents">Where agents and modules are.</param>
    /// <param name="policies">Decides what agents may do.</param>
    /// <param name="inference">Answers chats; metered, so that it says what they cost.</param>
    /// <param name="tools">Reaches tool servers.</param>
    /// <param name="journal">The durable record of runs.</param>
    /// <param name="ledger">Counts runs under way.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where failures of the platform go.</param>
    /// <param name="options">The bounds; null for the defaults.</param>
    /// <param name="audit">Where decisions are recorded; null for nowhere.</param>
    /// <param name="memory">What agents keep; null for nothing, and every memory call is refused.</param>
    public RunService(
        ISandboxEngine sandboxes,
        IAgentStore agents,
        IPolicyDecisionPoint policies,
        IInferenceRouter inference,
        IToolTransport tools,
        IRunJournal journal,
        IQuotaLedger ledger,
        TimeProvider time,
        ILogger<RunService> log,
        RunServiceOptions? options = null,
        IAuditLog? audit = null,
        IMemoryStore? memory = null)
    {
        _options = options ?? new RunServiceOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Workers, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.QueueCapacity, 1, nameof(options));
        (_sandboxes, _agents, _policies, _journal, _ledger) = (sandboxes, agents, policies, journal, ledger);
        (_time, _log) = (time, log);
        _chats = new ChatHandler(inference, time);
        _records = new DecisionRecords(audit, time);
        _tools = new ToolHandler(
            tools, new ApprovalGate(_options.ApprovalPatience, time), time, _options.MaxToolResultBytes);
        _memory = new MemoryHandler(memory, time);
        _resumption = new RunResumption(policies, journal, ledger, time, _options);
        _workers = new SemaphoreSlim(_options.Workers, _options.Workers);
        _shelf = new GuestShelf(_options.MaxPutAway, _options.ShelfFolder);
        _guests = new GuestMemory(_options.MaxTenantMemory);
        _left = new LeftRuns(_options.TakeOverAfter, time);

        // The count of waiting runs bounds it; a bounded channel could not take back what it has accepted.
        _queue = Channel.CreateUnbounded<ActiveRun>();
    }

    /// <inheritdoc/>
    public async ValueTask<RunRecord> StartAsync(StartRun request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var caller = request.Caller;
        var policy = _policies.Current(caller.Tenant) ?? throw new RuntimeErrorException(RunErrors.NoPolicy());

        // A key works in its own project; another project's agents are not there for it.
        var agent = request.Project == caller.ProjectName
            ? await _agents.FindAsync(caller.Tenant, request.Project, request.Agent, cancellationToken)
                .ConfigureAwait(false)
            : null;
        if (agent is null)
            throw new RuntimeErrorException(RunErrors.UnknownAgent(request.Project, request.Agent));
        var agentPolicy = policy.FindAgent(agent.QualifiedName)
            ?? throw new RuntimeErrorException(RunErrors.NotInBundle(agent.QualifiedName));
        var inputBytes = Encoding.UTF8.GetByteCount(request.Input);
        if (inputBytes > agentPolicy.Budget.MaxInput.Value)
            throw new RuntimeErrorException(RunErrors.InputTooLarge(inputBytes, agentPolicy.Budget.MaxInput));

        var identity = caller with { Agent = agent.Id, AgentName = agent.QualifiedName, Run = RunId.New(_time) };
        if (policy.RefusalToStart(identity, _time.GetUtcNow()) is { } refused)
            throw new RuntimeErrorException(refused);
        var record = new RunRecord(
            identity, agent.Module, policy.Digest, request.Input, RunStatus.Queued, _time.GetUtcNow())
        {
            TraceParent = Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null,
        };
        await AcceptAsync(new ActiveRun(record, policy, agentPolicy), cancellationToken).ConfigureAwait(false);
        return record;
    }

    /// <inheritdoc/>
    public ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken) =>
        _journal.FindAsync(tenant, run, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<RunRecord>> ListAsync(
        TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken) =>
        _journal.ListAsync(tenant, before, limit, cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<RunEvent> WatchAsync(
        TenantId tenant, RunId run, long afterSequence, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (await _journal.FindAsync(tenant, run, cancellationToken).ConfigureAwait(false) is null)
            yield break;
        while (true)
        {
            // Taken before the read, so that an event that arrives after it completes this.
            var changed = _active.TryGetValue(run, out var active) ? active.Changed : null;
            var events = await _journal.ReadAsync(run, afterSequence, WatchPage, cancellationToken)
                .ConfigureAwait(false);
            foreach (var e in events)
            {
                yield return e;
                afterSequence = e.Sequence;
                if (e.Data is RunSucceeded or RunFailed or RunCancelled)
                    yield break;
            }
            if (events.Count > 0)
                continue;
            if (changed is not null)
            {
                await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }
            var record = await _journal.FindAsync(tenant, run, cancellationToken).ConfigureAwait(false);
            if (record is null or { EndedAt: not null })
            {
                // It may have ended between the two reads.
                events = await _journal.ReadAsync(run, afterSequence, WatchPage, cancellationToken)
                    .ConfigureAwait(false);
                if (events.Count == 0)
                    yield break;
                continue;
            }
            await Task.Delay(_options.WatchInterval, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> CancelAsync(TenantId tenant, RunId run, CancellationToken cancellationToken)
    {
        if (await _journal.FindAsync(tenant, run, cancellationToken).ConfigureAwait(false) is null)
            return false;
        if (!_active.TryGetValue(run, out var open))
            return true;
        open.Cancel();
        if (open is ActiveRun active && active.TryClaim())
            await EndUnstartedAsync(active, new RunEnding.Cancelled(RunErrors.Cancelled())).ConfigureAwait(false);
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask<ApprovalOutcome> DecideAsync(RunApproval approval, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(approval);
        if (!_active.TryGetValue(approval.Run, out var active)
            || active.Identity.Tenant != approval.Caller.Tenant
            || active.Identity.Project != approval.Caller.Project)
            return ApprovalOutcome.NotFound;
        return await active.Approvals.TryDecideAsync(approval, cancellationToken).ConfigureAwait(false)
            ? ApprovalOutcome.Recorded
            : ApprovalOutcome.NotWaiting;
    }

    /// <inheritdoc/>
    public IReadOnlyList<WaitingApproval> Waiting(TenantId tenant, ProjectId project) =>
    [
        .. _active.Values
            .Where(run => run.Identity.Tenant == tenant && run.Identity.Project == project)
            .Select(run => (run.Identity, run.Approvals.Request))
            .Where(run => run.Request is not null)
            .OrderBy(run => run.Request!.ExpiresAt)
            .Take(MaxShownApprovals)
            .Select(run => new WaitingApproval(
                run.Identity.Run.GetValueOrDefault(), run.Identity.AgentName ?? "", run.Request!)),
    ];

    /// <summary>
    /// Executes runs until it is cancelled, those that an earlier process left too, from their recorded results, and
    /// takes those over again whose end could not be written. Runs that are under way when it is cancelled stay
    /// unfinished in the journal for the next process. Call it once.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Reading from a file may not give up the thread, and the workers begin meanwhile.
        var takingOver = Task.WhenAll(
            Task.Run(() => TakeOverOfEarlierAsync(cancellationToken), CancellationToken.None),
            _left.TakeOverAsync(TryTakeOverAsync, cancellationToken));
        await DispatchAsync(cancellationToken).ConfigureAwait(false);
        await takingOver.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_executing.Values).ConfigureAwait(false);
    }

    /// <summary>Guests that wait as bytes at this moment.</summary>
    internal int PutAway => _shelf.Count;

    private async Task AcceptAsync(ActiveRun run, CancellationToken cancellationToken)
    {
        if (!_resumed)
            throw new InvalidOperationException("runs are accepted once those that were left have their places");
        if (Interlocked.Increment(ref _waiting) > _options.QueueCapacity)
        {
            Interlocked.Decrement(ref _waiting);
            throw new RuntimeErrorException(RunErrors.QueueFull(_options.QueueCapacity));
        }
        var opened = false;
        try
        {
            if (_ledger.TryOpenRun(run.Record.Identity, run.Agent.Budget) is { } refused)
                throw new RuntimeErrorException(refused);
            opened = true;
            _active[run.Id] = run;
            await _journal.CreateAsync(run.Record, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            Interlocked.Decrement(ref _waiting);
            if (opened)
            {
                // The caller is told that there is no run. Should the journal have it all the same, it must not go on.
                run.Cancel();
                run.TryClaim();
                _left.Add(run);
            }
            throw;
        }
        _queue.Writer.TryWrite(run);
    }

    private async Task DispatchAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var run in _queue.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                await _workers.WaitAsync(cancellationToken).ConfigureAwait(false);
                Interlocked.Decrement(ref _waiting);
                var slot = new WorkerSlot(_workers);
                if (!run.TryClaim())
                {
                    slot.Leave();
                    continue;
                }

                // Listed before it starts, so that it cannot end before.
                var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _executing[run] = WorkAsync(start.Task, run, slot, cancellationToken);
                start.SetResult();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The platform stops; the journal has the rest.
        }
    }

    private async Task WorkAsync(Task start, ActiveRun run, WorkerSlot slot, CancellationToken cancellationToken)
    {
        await start.ConfigureAwait(false);
        try
        {
            await ExecuteAsync(run, slot, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The platform stops; the journal has the rest.
        }
        finally
        {
            slot.Leave();
            _executing.TryRemove(run, out _);
        }
    }

    /// <summary>Never throws but for shutdown: one bad run must not take a worker with it.</summary>
    private async Task ExecuteAsync(ActiveRun run, WorkerSlot slot, CancellationToken shutdown)
    {
        try
        {
            await new RunExecution(
                run, _sandboxes, _compilations, _agents, _chats, _tools, _memory, _journal, _records, _shelf, _guests,
                slot, _options, _time)
                .ExecuteAsync(shutdown).ConfigureAwait(false);
            Forget(run);
        }
        catch (OperationCanceledException) when (shutdown.IsCancellationRequested)
        {
            Forget(run);
            throw;
        }
        catch (RuntimeErrorException e) when (e.Error.Code == ReasonCodes.StorageFailed)
        {
            // What the run has done, and whether its last word was written, is looked up when the store answers.
            RunLog.StoreFailed(_log, e, run.Id);
            _left.Add(run);
        }
        catch (Exception e)
        {
            RunLog.ExecutionFailed(_log, e, run.Id);
            await EndUnstartedAsync(run, new RunEnding.Failed(RunErrors.Internal())).ConfigureAwait(false);
        }
    }

    /// <summary>Ends a run that no execution ends any more.</summary>
    private async Task EndUnstartedAsync(ActiveRun run, RunEnding ending)
    {
        var (record, cause) = ending.Of(run, _time.GetUtcNow());
        try
        {
            await _journal.TransitionAsync(record, run.LastSequence, cause, CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // The journal is down, or has written what it said it had not. What it has is looked up when it answers.
            RunLog.EndingFailed(_log, e, run.Id);
            _left.Add(run);
            return;
        }
        Forget(run);
    }

    private void Forget(OpenRun run)
    {
        _active.TryRemove(run.Id, out _);
        _ledger.CloseRun(run.Id);
        run.Retire();
    }
}
