using System.Threading.Channels;

namespace AgentRuntime.Execution;

/// <summary>
/// Runs for which the store failed, so that only the journal knows how far they have come. They are under way still,
/// and can be cancelled, until they are taken over. Their tenants' quotas bound their number. Thread-safe.
/// </summary>
/// <param name="patience">
/// How long each is left alone first; twice as long, up to <see cref="MostTurns"/> times, for each time that it had to
/// be left before: a store that refuses what one run writes must not have it do the same for ever.
/// </param>
/// <param name="time">The clock.</param>
internal sealed class LeftRuns(TimeSpan patience, TimeProvider time)
{
    /// <summary>The most patience with a run, as a multiple of that with one that is left for the first time.</summary>
    private const int MostTurns = 32;

    private readonly Channel<Left> _runs = Channel.CreateUnbounded<Left>();

    /// <summary>Leaves a run, whose worker is done with it.</summary>
    public void Add(OpenRun run) => _runs.Writer.TryWrite(
        new(run, run is ActiveRun { TimesLeft: > 0 and var times } ? (int)Math.Min(MostTurns, 1L << times) - 1 : 0));

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
            var isAway = false;
            for (; due > 0 && _runs.Reader.TryRead(out var left); due--)
            {
                if (left.TurnsToWait > 0)
                    _runs.Writer.TryWrite(left with { TurnsToWait = left.TurnsToWait - 1 });
                else if (isAway || !await tryTakeOver(left.Run, cancellationToken).ConfigureAwait(false))
                {
                    // The others would hardly fare better, and none is always the first.
                    isAway = true;
                    _runs.Writer.TryWrite(left);
                }
            }
        }
    }

    private readonly record struct Left(OpenRun Run, int TurnsToWait);
}
