namespace AgentRuntime.Node.Transfer;

/// <summary>
/// KV state fetched from another node, verified, on its way into the engine, which uses it once. Thread-safe.
/// </summary>
/// <param name="segments">The state.</param>
/// <param name="fetchTime">How long that took.</param>
/// <param name="budget">What the segments' bytes were taken from; null for nothing.</param>
internal sealed class KvImport(IReadOnlyList<KvSegment> segments, TimeSpan fetchTime, IKvBudget? budget = null)
{
    private readonly Lock _gate = new();
    private IReadOnlyList<KvSegment> _segments = segments;
    private bool _inUse;

    public long Bytes { get; init; } = segments.Sum(s => (long)s.Length);

    public TimeSpan FetchTime { get; } = fetchTime;

    /// <summary>
    /// Gives the segments, in the order of their positions and without gaps, to <paramref name="use"/> and lets them
    /// go; none when that has happened already.
    /// </summary>
    public void Use(Action<IReadOnlyList<KvSegment>> use)
    {
        lock (_gate)
        {
            if (_segments.Count == 0) return;
            _inUse = true;
        }

        try
        {
            use(_segments);
        }
        finally
        {
            lock (_gate) _inUse = false;
            Release();
        }
    }

    /// <summary>Lets the bytes go, or leaves that to who uses them now.</summary>
    public void Release()
    {
        lock (_gate)
        {
            if (_inUse) return;
            foreach (var segment in _segments)
            {
                budget?.Give(segment.Length);
                segment.Buffer.Return();
            }

            _segments = [];
        }
    }
}
