namespace AgentRuntime.Policies;

/// <summary>
/// Counts what happens within a window that ends now, in constant work and memory: the rule fires when the event that
/// lies its count back is still in the window. Not thread-safe.
/// </summary>
internal sealed class ThreatCounter(ThreatRule rule)
{
    private readonly long[] _recent = new long[rule.Count];
    private int _next;
    private int _held;

    public ThreatRule Rule => rule;

    /// <summary>One more happened. True when the rule fires; it then counts from zero again.</summary>
    public bool Add(DateTimeOffset at)
    {
        _recent[_next] = at.UtcTicks;
        _next = (_next + 1) % _recent.Length;
        _held = Math.Min(_held + 1, _recent.Length);
        if (_held < _recent.Length || at.UtcTicks - _recent[_next] > rule.Within.Ticks)
            return false;
        _held = 0;
        return true;
    }
}

/// <summary>What a rule holds against an agent or a run. Guarded by whoever owns it.</summary>
internal sealed class ThreatHold(
    string rule, ThreatEffect effect, DateTimeOffset until, string detail, TimeSpan pace, string? reason)
{
    public string Rule => rule;

    public ThreatEffect Effect => effect;

    public DateTimeOffset Until => until;

    public string Detail => detail;

    public TimeSpan Pace => pace;

    public string? Reason => reason;

    /// <summary>When a throttled call was let through last.</summary>
    public DateTimeOffset LastCall { get; set; } = DateTimeOffset.MinValue;
}
