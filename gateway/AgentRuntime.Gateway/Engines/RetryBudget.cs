namespace AgentRuntime.Gateway;

/// <summary>
/// A token bucket that requests fill and retries empty, so that retries stay a fraction of the traffic (the retry
/// budget of Finagle). Thread-safe.
/// </summary>
internal sealed class RetryBudget(double ratio, int burst)
{
    private readonly Lock _lock = new();
    private double _tokens = burst;

    public bool IsFull
    {
        get
        {
            lock (_lock)
                return _tokens >= burst;
        }
    }

    public void Deposit()
    {
        lock (_lock)
            _tokens = Math.Min(burst, _tokens + ratio);
    }

    /// <summary>A retry that was withdrawn is not made.</summary>
    public void GiveBack()
    {
        lock (_lock)
            _tokens = Math.Min(burst, _tokens + 1);
    }

    public bool TryWithdraw()
    {
        lock (_lock)
        {
            if (_tokens < 1)
                return false;

            _tokens--;
            return true;
        }
    }
}
