using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane;

/// <summary>
/// Takes ended runs away, every minute, that are older than runs are kept or for which their tenant has no room any
/// more (decision 0507). One at a time.
/// </summary>
/// <param name="storage">What tenants keep.</param>
/// <param name="limits">What they may keep.</param>
/// <param name="time">The clock.</param>
/// <param name="failed">Hears when the store failed; it is asked again the next time. Null for nobody.</param>
public sealed class RunRetentionSweep(
    ITenantStorage storage, StorageLimits limits, TimeProvider time, Action<RuntimeError>? failed = null)
{
    /// <summary>
    /// How long the clock must have gone steadily before a run is too old by it: what a clock that was set wrong takes
    /// away does not come back when it is set right.
    /// </summary>
    public static readonly TimeSpan ClockTrust = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>Less than this a clock may be corrected without being set.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromMinutes(1);

    private long _steadySince = time.GetTimestamp();
    private (DateTimeOffset Wall, long Timestamp) _last = (time.GetUtcNow(), time.GetTimestamp());

    /// <summary>Sweeps until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await SweepAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (RuntimeErrorException e)
            {
                failed?.Invoke(e.Error);
            }

            await Task.Delay(Interval, time, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Takes away what is to go now.</summary>
    /// <returns>How many runs went.</returns>
    /// <exception cref="RuntimeErrorException">AR8002.</exception>
    public async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var now = (Wall: time.GetUtcNow(), Timestamp: time.GetTimestamp());
        var passed = time.GetElapsedTime(_last.Timestamp, now.Timestamp);
        if ((now.Wall - _last.Wall - passed).Duration() > Step)
            _steadySince = now.Timestamp;
        _last = now;
        var isSteady = time.GetElapsedTime(_steadySince, now.Timestamp) >= ClockTrust;

        var forgotten = 0;
        while (await storage.ForgetRunsAsync(
            limits.MaxRuns, isSteady ? now.Wall - limits.MaxRunAge : null, cancellationToken).ConfigureAwait(false)
                is > 0 and var some)
            forgotten += some;
        return forgotten;
    }
}
