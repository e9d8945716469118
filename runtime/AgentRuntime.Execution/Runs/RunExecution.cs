using System.Diagnostics;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Executes one run from its start to its end: the sandbox runs until it blocks in a host call, the call is handled,
/// the sandbox is resumed with the answer. Single use; owned by one worker. Whatever happens in a run ends that run
/// and nothing else.
/// </summary>
internal sealed class RunExecution(
    ActiveRun run,
    ISandboxEngine sandboxes,
    TenantLines compilations,
    IAgentStore agents,
    ChatHandler chats,
    ToolHandler tools,
    MemoryHandler memory,
    IRunJournal journal,
    DecisionRecords records,
    GuestShelf shelf,
    GuestMemory guests,
    WorkerSlot slot,
    RunServiceOptions options,
    TimeProvider time)
{
    /// <summary>Shorter sleeps begin anew with another worker: agents that wait in a loop fill no journal.</summary>
    private static readonly TimeSpan LeastRecordedSleep = TimeSpan.FromMinutes(1);

    private readonly RunJournalWriter _events = new(run, journal, sandboxes.Name);
    private bool _isUnderWay;

    /// <summary>Executes the run and writes how it ended.</summary>
    /// <param name="shutdown">The platform stops: the run is left as it is in the journal.</param>
    /// <exception cref="OperationCanceledException">The platform stops.</exception>
    /// <exception cref="RuntimeErrorException">
    /// AR8002: the store failed, so that only the journal knows how far the run has come.
    /// </exception>
    public async Task ExecuteAsync(CancellationToken shutdown)
    {
        using var deadline = new CancellationTokenSource(run.TimeLeft, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(shutdown, deadline.Token, run.Cancelled);
        using var activity = StartActivity();
        var started = time.GetTimestamp();
        RunEnding ending;
        try
        {
            ending = await RunGuestAsync(stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            ending = new RunEnding.Stopped();
        }
        catch (RuntimeErrorException e) when (e.Error.Code != ReasonCodes.StorageFailed)
        {
            ending = new RunEnding.Failed(e.Error);
        }

        // A sandbox that was told to stop ends as a trap; who told it decides what the run's end is called.
        if (ending is not RunEnding.Succeeded && stop.IsCancellationRequested)
        {
            if (run.Cancelled.IsCancellationRequested)
                ending = new RunEnding.Cancelled(RunErrors.Cancelled());
            else if (deadline.IsCancellationRequested)
                ending = new RunEnding.Failed(RunErrors.Deadline(run.Agent.Budget.Deadline));
            else
            {
                if (_isUnderWay)
                    await _events.SuspendAsync().ConfigureAwait(false);
                throw new OperationCanceledException(shutdown);
            }
        }
        await EndAsync(ending, activity).ConfigureAwait(false);
        RuntimeTelemetry.OperationDuration.Record(
            time.GetElapsedTime(started).TotalSeconds,
            new("gen_ai.operation.name", "invoke_agent"),
            new("gen_ai.provider.name", "agentruntime"));
    }

    private async Task<RunEnding> RunGuestAsync(CancellationToken cancellationToken)
    {
        // Before anything of the run is in memory.
        using var share = guests.Of(run.Identity.Tenant, run.Agent.Limits.MaxMemory);
        await share.TakeAsync(slot, cancellationToken).ConfigureAwait(false);
        var record = run.Record with { Status = RunStatus.Running };
        // A store that answers that it has no module has not failed for a moment: the run is over.
        if (await agents.ReadModuleAsync(record.Module, cancellationToken).ConfigureAwait(false) is not { } wasm)
        {
            await BeginAsync(record, cancellationToken).ConfigureAwait(false);
            return new RunEnding.Failed(RunErrors.ModuleMissing(record.Module));
        }

        var module = await CompiledAsync(record, wasm, cancellationToken).ConfigureAwait(false);
        _events.Replaying = run.History.LastCall > 0;
        var context = new RunContext(
            record.Identity, run.Policy, run.Agent, run.Policy.Open(record.Identity), _events, run.Meter, run.History,
            run.Approvals, records);

        await using var guest = new RunGuest(
            module, run, _events, shelf, share, slot, options.PutAwayAfter, time);
        try
        {
            return await StepAsync(guest, context, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            chats.Ended(context);
            run.Meter.Sandbox = guest.Usage;
        }
    }

    /// <summary>Says that something is done for the run from now on, and by whom.</summary>
    private async Task BeginAsync(RunRecord record, CancellationToken cancellationToken)
    {
        await _events.TransitionAsync(
            record,
            run.History.Workers == 0
                ? new RunStarted(run.Agent.Name, record.Module.ToString(), record.Bundle.ToString(), sandboxes.Name)
                : new RunResumed(run.History.Workers + 1, run.History.LastCall, sandboxes.Name),
            cancellationToken).ConfigureAwait(false);
        _isUnderWay = true;
    }

    /// <summary>
    /// Begins, and has what must be compiled of the module compiled in turn: tenants' runs that find all go ahead. One
    /// that waits for its turn has not begun: a compilation before it may bring the worker down.
    /// </summary>
    private async Task<ISandboxModule> CompiledAsync(
        RunRecord record, ReadOnlyMemory<byte> wasm, CancellationToken cancellationToken)
    {
        var found = sandboxes.Find(record.Module);
        if (found is not null && found.IsPrepared(run.Agent.Limits))
        {
            await BeginAsync(record, cancellationToken).ConfigureAwait(false);
            return found;
        }

        using var visit = compilations.Join(record.Identity.Tenant);
        return await visit.DoAsync(
            () => BeginAsync(record, cancellationToken), () => CompileAsync(found, wasm), cancellationToken)
            .ConfigureAwait(false);
    }

    private async Task<ISandboxModule> CompileAsync(ISandboxModule? found, ReadOnlyMemory<byte> wasm)
    {
        var module = found
            ?? await sandboxes.CompileAsync(wasm, CancellationToken.None).ConfigureAwait(false);
        await module.PrepareAsync(run.Agent.Limits, CancellationToken.None).ConfigureAwait(false);
        return module;
    }

    private async Task<RunEnding> StepAsync(RunGuest guest, RunContext context, CancellationToken cancellationToken)
    {
        HostCallResult? answer = null;
        for (var call = 1; ; call++)
        {
            // A stop that came between two steps must not wait for the guest to notice it.
            cancellationToken.ThrowIfCancellationRequested();
            SandboxStep step;
            using (RuntimeTelemetry.Source.StartActivity("sandbox run"))
                step = await guest.StepAsync(answer, cancellationToken).ConfigureAwait(false);
            switch (step)
            {
                case SandboxStep.Finished finished:
                    return new RunEnding.Succeeded(finished.Output);
                case SandboxStep.Failed failed:
                    return new RunEnding.Failed(RunErrors.Guest(failed.Error));
                case SandboxStep.Trapped trapped:
                    return new RunEnding.Failed(trapped.Error);
                case SandboxStep.Blocked blocked:
                    _events.Replaying = call < run.History.LastCall;
                    answer = await guest.WaitAsync(
                        AnswerAsync(context, call, blocked.Call, cancellationToken), cancellationToken)
                        .ConfigureAwait(false);
                    break;
            }
        }
    }

    private async ValueTask<HostCallResult> AnswerAsync(
        RunContext context, int call, HostCall asked, CancellationToken cancellationToken)
    {
        if (asked is HostCall.ListTools && run.History.Has(call))
            throw new RuntimeErrorException(RunErrors.Diverged(call));
        if (run.EventChars > options.MaxEventChars && call > run.History.LastCall)
            throw new RuntimeErrorException(RunErrors.JournalFull(options.MaxEventChars));
        switch (asked)
        {
            case HostCall.Chat chat:
                return await chats.HandleAsync(context, call, chat, cancellationToken).ConfigureAwait(false);
            case HostCall.CallTool tool:
                return await tools.HandleAsync(context, call, tool, cancellationToken).ConfigureAwait(false);
            case HostCall.Memory remembered:
                return await memory.HandleAsync(context, call, remembered, cancellationToken).ConfigureAwait(false);
            case HostCall.ListTools:
                return new HostCallResult.ToolList([.. context.VisibleTools.Values]);
            case HostCall.Sleep sleep:
                await SleepAsync(call, sleep.Duration, cancellationToken).ConfigureAwait(false);
                return new HostCallResult.Slept();
            default:
                throw new InvalidOperationException($"no handler for {asked.GetType().Name}");
        }
    }

    /// <summary>Sleeps, or for as long as is left of a sleep that began with an earlier worker.</summary>
    private async Task SleepAsync(int call, TimeSpan duration, CancellationToken cancellationToken)
    {
        if (await run.History.FindAsync(call, cancellationToken).ConfigureAwait(false) is { } past)
        {
            var until = past.SleepStarted?.Until ?? throw new RuntimeErrorException(RunErrors.Diverged(call));
            // A clock that was set back makes no sleep longer.
            duration = TimeSpan.FromTicks(
                Math.Clamp((until - time.GetUtcNow()).Ticks, 0, duration.Ticks));
        }
        else if (duration >= LeastRecordedSleep && call > run.History.LastCall)
        {
            await _events.AppendAsync(new SleepStarted(call, time.GetUtcNow() + duration), cancellationToken)
                .ConfigureAwait(false);
        }

        if (call < run.History.LastCall)
            return;
        var over = Task.Delay(duration, time, cancellationToken);
        await _events.RestAsync(over).ConfigureAwait(false);
        await over.ConfigureAwait(false);
    }

    private async Task EndAsync(RunEnding ending, Activity? activity)
    {
        var (record, cause) = ending.Of(run, time.GetUtcNow());
        if (record.Error is { } error)
        {
            activity?.SetStatus(ActivityStatusCode.Error, error.Message);
            activity?.SetTag("error.type", error.Code.ToString());
        }
        activity?.SetTag("gen_ai.usage.input_tokens", record.Usage.Prompt.Value);
        activity?.SetTag("gen_ai.usage.output_tokens", record.Usage.Output.Value);

        // The run's own token may be what ended it.
        await _events.TransitionAsync(record, cause, CancellationToken.None).ConfigureAwait(false);
    }

    private Activity? StartActivity()
    {
        var parent = ActivityContext.TryParse(run.Record.TraceParent, null, isRemote: true, out var context)
            ? context
            : default;
        var activity = RuntimeTelemetry.Source.StartActivity(
            $"invoke_agent {run.Agent.Name}", ActivityKind.Internal, parent);
        activity?.SetTag("gen_ai.operation.name", "invoke_agent");
        activity?.SetTag("gen_ai.provider.name", "agentruntime");
        activity?.SetTag("gen_ai.agent.id", run.Record.Identity.Agent?.ToString());
        activity?.SetTag("gen_ai.agent.name", run.Agent.Name);
        activity?.SetTag("gen_ai.conversation.id", run.Id.ToString());
        return activity;
    }
}
