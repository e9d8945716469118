using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Leaves an engine alone after failures in a row, then lets one request try it; while that fails the pause doubles.
/// However many requests an engine takes with it when it dies, it is left alone for one pause. Failures of one tenant's
/// requests alone may be that tenant's own doing, and do not close an engine that lately served others to these.
/// Thread-safe: every member takes the one lock for a few instructions.
/// </summary>
internal sealed class CircuitBreaker(int failures, TimeSpan openFor, TimeProvider time)
{
    private static readonly TimeSpan Lately = TimeSpan.FromMinutes(1);

    private const int MaxDoublings = 4;
    private readonly Lock _lock = new();
    private int _failedInARow;
    private int _doublings;
    private TenantId? _failing;
    private bool _severalFail;
    private (TenantId Tenant, long At)? _served;
    private (TenantId Tenant, long At)? _servedBefore;
    private bool _isOpen;
    private bool _trialUnderWay;
    private long _openedAt;
    private TimeSpan _openFor;

    /// <summary>Whether a request would be let through now.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_lock)
                return !_isOpen || (!_trialUnderWay && !IsOpenLocked);
        }
    }

    private bool IsOpenLocked => time.GetElapsedTime(_openedAt) < _openFor;

    /// <summary>Lets a request through; false when the engine is to be left alone.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (!_isOpen)
                return true;

            if (_trialUnderWay || IsOpenLocked)
                return false;

            return _trialUnderWay = true;
        }
    }

    /// <param name="tenant">Whose request it was; null for nobody's.</param>
    public void Succeeded(TenantId? tenant = null)
    {
        lock (_lock)
        {
            _failedInARow = 0;
            _doublings = 0;
            _failing = null;
            _severalFail = false;
            _isOpen = false;
            _trialUnderWay = false;
            if (tenant is not { } served)
                return;
            if (_served is { } last && last.Tenant != served)
                _servedBefore = last;
            _served = (served, time.GetTimestamp());
        }
    }

    /// <summary>The request ended without telling anything of the engine's health: its caller went away.</summary>
    public void Abandoned()
    {
        lock (_lock)
            _trialUnderWay = false;
    }

    /// <param name="tenant">As of <see cref="Succeeded"/>.</param>
    public void Failed(TenantId? tenant = null)
    {
        lock (_lock)
        {
            var trial = _trialUnderWay;
            _trialUnderWay = false;
            _severalFail |= tenant is null || (_failing is { } failing && failing != tenant);
            _failing = tenant;

            // Those that were under way when it opened say nothing new: only a trial can find it still broken.
            if (++_failedInARow < failures || (_isOpen && !trial) || (!_severalFail && ServedOthersLately(tenant)))
                return;

            _isOpen = true;
            _openedAt = time.GetTimestamp();
            _openFor = openFor * (1 << _doublings);
            _doublings = Math.Min(_doublings + 1, MaxDoublings);
        }
    }

    private bool ServedOthersLately(TenantId? tenant)
    {
        var others = _served?.Tenant == tenant ? _servedBefore : _served;
        return others is { } last && time.GetElapsedTime(last.At) < Lately;
    }
}
