namespace AgentRuntime.Node.Transfer;

/// <summary>KV state fetched from another node, verified, on its way into the engine.</summary>
internal sealed class KvImport(IReadOnlyList<KvSegment> segments, long bytes, TimeSpan fetchTime)
{
    private IReadOnlyList<KvSegment> _segments = segments;

    /// <summary>Segments in the order of their positions, without gaps.</summary>
    public IReadOnlyList<KvSegment> Segments => Volatile.Read(ref _segments);

    public long Bytes { get; } = bytes;

    public TimeSpan FetchTime { get; } = fetchTime;

    /// <summary>Lets the bytes go.</summary>
    public void Release() => Volatile.Write(ref _segments, []);
}
