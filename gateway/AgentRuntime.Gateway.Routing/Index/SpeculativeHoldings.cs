namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// The holdings of an index that no engine has confirmed yet, in the order in which they expire. Bounded; not
/// thread-safe.
/// </summary>
internal sealed class SpeculativeHoldings(int capacity)
{
    private readonly Dictionary<Holding, double> _expiry = [];
    private readonly PriorityQueue<Holding, double> _order = new();

    public readonly record struct Holding(ulong Key, int Slot);

    public int Count => _expiry.Count;

    /// <summary>About: 40 bytes for a dictionary entry with its bucket, 32 for the queue.</summary>
    public long MemoryBytes => ((long)_expiry.Count * 40) + ((long)_order.Count * 32);

    public bool IsFull => _order.Count >= capacity;

    /// <summary>Adds or prolongs.</summary>
    public void Put(ulong key, int slot, double expires)
    {
        var holding = new Holding(key, slot);
        if (_expiry.TryAdd(holding, expires))
            _order.Enqueue(holding, expires);
        else
            _expiry[holding] = expires;
    }

    public bool Contains(ulong key, int slot) => _expiry.ContainsKey(new(key, slot));

    /// <summary>The holding is confirmed or gone.</summary>
    public bool Settle(ulong key, int slot) => _expiry.Count > 0 && _expiry.Remove(new(key, slot));

    /// <summary>The next holding that has expired by now, or, when <paramref name="force"/>, the oldest one.</summary>
    public bool TryExpire(double now, bool force, out Holding holding)
    {
        while (_order.TryPeek(out holding, out var due))
        {
            if (due > now && !force)
                break;
            _order.Dequeue();
            if (!_expiry.TryGetValue(holding, out var expires))
                continue;
            if (expires > due && !force)
            {
                _order.Enqueue(holding, expires);
                continue;
            }

            _expiry.Remove(holding);
            return true;
        }

        holding = default;
        return false;
    }
}
