namespace AgentRuntime.Execution;

/// <content>Runs that an earlier process, or a worker of this one, left unfinished.</content>
public sealed partial class RunService
{
    private IReadOnlyList<OpenRun> _ofEarlier = [];

    /// <summary>
    /// Finds the runs that an earlier process left unfinished, and keeps their tenants' places for them: from then on
    /// they can be cancelled and waited for. How far they have come is in their journals, which may take long to read:
    /// that is <see cref="RunAsync"/>'s work. Call it once, before the first run is accepted. This process must be the
    /// only one that works with the journal and the shelf's folder.
    /// </summary>
    public async Task ResumeAsync(CancellationToken cancellationToken)
    {
        _shelf.Clear();
        var left = await _journal.ListUnfinishedAsync(cancellationToken).ConfigureAwait(false);
        _ofEarlier = [.. left.Select(identity => new OpenRun(identity))];
        foreach (var run in _ofEarlier)
        {
            _ledger.KeepPlace(run.Identity);
            _active[run.Id] = run;
        }

        _resumed = true;
    }

    /// <summary>One after the other, so that what their journals hold is never in memory together.</summary>
    private async Task TakeOverOfEarlierAsync(CancellationToken cancellationToken)
    {
        foreach (var run in _ofEarlier)
            if (!await TryTakeOverAsync(run, cancellationToken).ConfigureAwait(false))
                _left.Add(run);
        _ofEarlier = [];
    }

    private async Task<bool> TryTakeOverAsync(OpenRun left, CancellationToken cancellationToken)
    {
        try
        {
            var record = await _journal.FindAsync(left.Identity.Tenant, left.Id, cancellationToken)
                .ConfigureAwait(false);
            if (record is { EndedAt: null }
                && await _resumption.ResumeAsync(record, left, cancellationToken).ConfigureAwait(false) is { } run)
            {
                // Whoever cancels the run, before this or while this happens, may know it as the one that was left.
                left.Cancelled.UnsafeRegister(static s => ((ActiveRun)s!).Cancel(), run);
                _active[run.Id] = run;
                Interlocked.Increment(ref _waiting);
                _queue.Writer.TryWrite(run);
                left.Retire();
            }
            else
            {
                Forget(left);
            }

            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            RunLog.TakingOverFailed(_log, e, left.Id);
            return false;
        }
    }
}
