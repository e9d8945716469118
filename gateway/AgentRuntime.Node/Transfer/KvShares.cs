namespace AgentRuntime.Node.Transfer;

/// <summary>
/// A budget that trust groups (cache salts; none is one too) share: each may hold three times what is left free.
/// However much others hold, whoever comes finds room, and whoever is alone has three quarters of it; two that want all
/// have three sevenths each (dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
/// Knows groups only while they hold something. Thread-safe.
/// </summary>
/// <param name="most">What all may hold together.</param>
internal sealed class KvShares(long most)
{
    private const int HeldToFree = 3;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _held = new(StringComparer.Ordinal);
    private long _taken;

    /// <summary>What all hold now.</summary>
    public long Taken
    {
        get
        {
            lock (_gate) return _taken;
        }
    }

    /// <summary>Groups that hold something.</summary>
    public int Groups
    {
        get
        {
            lock (_gate) return _held.Count;
        }
    }

    /// <summary>A group's share.</summary>
    /// <param name="salt">The group's salt; null for requests without one.</param>
    public IKvBudget Of(string? salt) => new Share(this, salt is null ? "" : "=" + salt);

    private bool TryTake(string group, long count)
    {
        lock (_gate)
        {
            var held = _held.GetValueOrDefault(group);
            if (!MayHold(held, count)) return false;
            _taken += count;
            _held[group] = held + count;
            return true;
        }
    }

    private bool MayHold(long held, long more)
    {
        if (more > most - _taken) return false;
        var free = most - _taken - more;
        return free > long.MaxValue / HeldToFree || held + more <= HeldToFree * free;
    }

    private void Give(string group, long count)
    {
        if (count == 0) return;
        lock (_gate)
        {
            _taken -= count;
            if ((_held[group] -= count) == 0) _held.Remove(group);
        }
    }

    private sealed class Share(KvShares whole, string group) : IKvBudget
    {
        public bool TryTake(long count) => whole.TryTake(group, count);

        public void Give(long count) => whole.Give(group, count);
    }
}
