using System.Buffers;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// The guest of one run: a sandbox while it works, and bytes on the shelf while it waits for long. A guest that is put
/// away has no sandbox, no memory, no thread and no worker. Owned by the run's execution. Single-writer.
/// </summary>
internal sealed class RunGuest(
    ISandboxModule module,
    ActiveRun run,
    RunJournalWriter events,
    GuestShelf shelf,
    GuestMemory.Share share,
    WorkerSlot slot,
    TimeSpan putAwayAfter,
    TimeProvider time) : IAsyncDisposable
{
    private ISandbox? _sandbox = module.Instantiate(run.Agent.Limits, events);
    private SandboxUsage? _usage;
    private bool _away;

    /// <summary>What the guest has used so far, wherever it is.</summary>
    public SandboxUsage? Usage => _sandbox?.Usage ?? _usage;

    /// <summary>Starts the guest, or resumes it with an answer.</summary>
    public async Task<SandboxStep> StepAsync(HostCallResult? answer, CancellationToken cancellationToken)
    {
        var sandbox = _sandbox ?? throw new InvalidOperationException("the guest is put away");
        await using var stopping = cancellationToken.UnsafeRegister(
            static s => ((ISandbox)s!).Stop("the run was stopped"), sandbox);
        return answer is null
            ? await sandbox.StartAsync(run.Record.Input, cancellationToken).ConfigureAwait(false)
            : await sandbox.ResumeAsync(answer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits for an answer that the guest is blocked for; the guest is there again afterwards.</summary>
    public async Task<HostCallResult> WaitAsync(
        ValueTask<HostCallResult> pending, CancellationToken cancellationToken)
    {
        if (pending.IsCompleted) return await pending.ConfigureAwait(false);
        var answer = pending.AsTask();
        if (await IsSoonAsync(answer, cancellationToken).ConfigureAwait(false))
            return await answer.ConfigureAwait(false);
        var away = await PutAwayAsync(cancellationToken).ConfigureAwait(false);
        events.GuestRests();
        var result = await answer.ConfigureAwait(false);
        if (away)
            await share.TakeAsync(slot, cancellationToken).ConfigureAwait(false);
        await events.WakeAsync(cancellationToken).ConfigureAwait(false);
        if (away)
            await RestoreAsync(cancellationToken).ConfigureAwait(false);
        return result;
    }

    public async ValueTask DisposeAsync()
    {
        if (_away) shelf.Drop(run.Id);
        _away = false;
        if (_sandbox is not { } sandbox) return;
        _usage = sandbox.Usage;
        _sandbox = null;
        await sandbox.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<bool> IsSoonAsync(Task<HostCallResult> answer, CancellationToken cancellationToken)
    {
        if (putAwayAfter == Timeout.InfiniteTimeSpan) return true;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var patience = Task.Delay(putAwayAfter, time, enough.Token);
        var first = await Task.WhenAny(answer, patience).ConfigureAwait(false);
        await enough.CancelAsync().ConfigureAwait(false);
        return first == answer || cancellationToken.IsCancellationRequested;
    }

    /// <summary>False where the engine has no snapshots, this guest cannot be one, or the shelf is full.</summary>
    private async Task<bool> PutAwayAsync(CancellationToken cancellationToken)
    {
        GuestShelf.Turn turn;
        try
        {
            turn = await shelf.TurnAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        using (turn)
            return await PutAwayInTurnAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> PutAwayInTurnAsync(CancellationToken cancellationToken)
    {
        var sandbox = _sandbox!;
        var bytes = new ArrayBufferWriter<byte>();
        try
        {
            sandbox.WriteSnapshot(bytes);
        }
        catch (Exception e) when (e is NotSupportedException or RuntimeErrorException)
        {
            return false;
        }

        if (!await shelf.TryPutAsync(run.Id, bytes.WrittenMemory, cancellationToken).ConfigureAwait(false))
            return false;
        _away = true;
        _usage = sandbox.Usage;
        _sandbox = null;
        await sandbox.DisposeAsync().ConfigureAwait(false);
        share.GiveBack();
        slot.Leave();
        return true;
    }

    private async Task RestoreAsync(CancellationToken cancellationToken)
    {
        using var turn = await shelf.TurnAsync(cancellationToken).ConfigureAwait(false);
        var bytes = await shelf.TakeAsync(run.Id, cancellationToken).ConfigureAwait(false);
        _away = false;
        _sandbox = module.Restore(bytes, run.Agent.Limits, events, new Dictionary<string, string>());
    }
}
