namespace AgentRuntime.Gateway;

/// <summary>
/// Leaves an engine alone after failures in a row, then lets one request try it; while that fails the pause doubles.
/// However many requests an engine takes with it when it dies, it is left alone for one pause. Thread-safe: every
/// member takes the one lock for a few instructions.
/// </summary>
internal sealed class CircuitBreaker(int failures, TimeSpan openFor, TimeProvider time)
{
    private const int MaxDoublings = 4;
    private readonly Lock _lock = new();
    private int _failedInARow;
    private int _doublings;
    private bool _trialUnderWay;
    private long _openedAt;
    private TimeSpan _openFor;

    /// <summary>Whether a request would be let through now.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_lock)
                return _failedInARow < failures || (!_trialUnderWay && !IsOpenLocked);
        }
    }

    private bool IsOpenLocked => time.GetElapsedTime(_openedAt) < _openFor;

    /// <summary>Lets a request through; false when the engine is to be left alone.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_failedInARow < failures)
                return true;

            if (_trialUnderWay || IsOpenLocked)
                return false;

            return _trialUnderWay = true;
        }
    }

    public void Succeeded()
    {
        lock (_lock)
        {
            _failedInARow = 0;
            _doublings = 0;
            _trialUnderWay = false;
        }
    }

    /// <summary>The request ended without telling anything of the engine's health: its caller went away.</summary>
    public void Abandoned()
    {
        lock (_lock)
            _trialUnderWay = false;
    }

    public void Failed()
    {
        lock (_lock)
        {
            var trial = _trialUnderWay;
            _trialUnderWay = false;

            // Those that were under way when it opened say nothing new: only a trial can find it still broken.
            if (++_failedInARow < failures || (_failedInARow > failures && !trial))
                return;

            _openedAt = time.GetTimestamp();
            _openFor = openFor * (1 << _doublings);
            _doublings = Math.Min(_doublings + 1, MaxDoublings);
        }
    }
}
