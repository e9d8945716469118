namespace AgentRuntime.Gateway;

/// <summary>
/// When an engine's process started, as far as its uptime and the way there and back show it: what tells one process
/// from the next. Not thread-safe.
/// </summary>
internal sealed class ProcessStart
{
    /// <summary>
    /// Seconds by which two observations of one process may miss each other: some uptimes are whole seconds.
    /// </summary>
    private const double Slack = 2.5;

    private double _earliest = double.NegativeInfinity;
    private double _latest = double.PositiveInfinity;

    /// <summary>When the process started, the same in all that is observed of it; NaN before the first.</summary>
    public double At { get; private set; } = double.NaN;

    /// <summary>Takes an observation in; whether it is of another process than the one before.</summary>
    /// <param name="earliest">Seconds on a clock that does not step.</param>
    /// <param name="latest">Seconds on the same clock.</param>
    public bool Observe(double earliest, double latest)
    {
        var another = earliest > _latest + Slack || latest < _earliest - Slack;
        if (another || double.IsNaN(At))
            At = latest;

        // The last one counts: over days the engine's clock and this one drift apart further than the slack.
        (_earliest, _latest) = (earliest, latest);
        return another;
    }
}
