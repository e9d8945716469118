using System.Threading.Channels;

namespace AgentRuntime.Execution;

/// <summary>
/// Runs for which the store failed, so that only the journal knows how far they have come. They are under way still,
/// and can be cancelled, until they are taken over. Their tenants' quotas bound their number. Thread-safe.
/// </summary>
/// <param name="patience">How long each is left alone first.</param>
/// <param name="time">The clock.</param>
internal sealed class LeftRuns(TimeSpan patience, TimeProvider time)
{
    private readonly Channel<OpenRun> _runs = Channel.CreateUnbounded<OpenRun>();

    /// <summary>Leaves a run, whose worker is done with it.</summary>
    public void Add(OpenRun run) => _runs.Writer.TryWrite(run);

    /// <summary>Has the runs taken over, trying again until that works or this is cancelled. Call it once.</summary>
    /// <param name="tryTakeOver">Takes one over; false when the journal does not answer yet.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task TakeOverAsync(
        Func<OpenRun, CancellationToken, Task<bool>> tryTakeOver, CancellationToken cancellationToken)
    {
        while (await _runs.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            // Those that come meanwhile have to wait as long.
            var due = _runs.Reader.Count;
            await Task.Delay(patience, time, cancellationToken).ConfigureAwait(false);
            for (; due > 0 && _runs.Reader.TryRead(out var run); due--)
            {
                if (await tryTakeOver(run, cancellationToken).ConfigureAwait(false))
                    continue;

                // The others would hardly fare better, and none is always the first.
                Add(run);
                break;
            }
        }
    }
}
