namespace AgentRuntime.Node.Transfer;

/// <summary>
/// Collects a prompt's KV state while it is computed: the engine's thread adds segments, connections read those that
/// are there. Thread-safe.
/// </summary>
internal sealed class KvExport(int promptTokens, int segmentTokens, long maxBytes)
{
    private readonly Lock _gate = new();
    private readonly List<KvSegment> _segments = [];
    private long _bytes;
    private int _exported;
    private bool _closed;

    /// <summary>Prompt tokens to export: all but the last, which the receiver computes to get its logits.</summary>
    public int Tokens { get; } = promptTokens - 1;

    /// <summary>Whether the state outgrew the limit, so that nothing can be transferred.</summary>
    public bool Overflowed { get; private set; }

    public bool IsComplete => _exported == Tokens && !Overflowed;

    public long Bytes => Volatile.Read(ref _bytes);

    public IReadOnlyList<KvSegment> Segments
    {
        get
        {
            lock (_gate) return [.. _segments];
        }
    }

    /// <summary>The next range to export when <paramref name="computed"/> tokens are there; null for not yet.</summary>
    public (int From, int To)? NextSegment(int computed)
    {
        lock (_gate)
        {
            if (_closed || _exported == Tokens) return null;
            var to = Math.Min(_exported + segmentTokens, Tokens);
            return to > computed ? null : (_exported, to);
        }
    }

    public void Add(int from, int to, byte[] state)
    {
        var segment = KvSegment.Of(from, to, state);
        lock (_gate)
        {
            if (_closed) return;
            if (_bytes + state.Length > maxBytes)
            {
                Overflowed = true;
                Drop();
                return;
            }

            _segments.Add(segment);
            _bytes += state.Length;
            _exported = to;
        }
    }

    /// <summary>Frees the state; nothing is added any more.</summary>
    public void Release()
    {
        lock (_gate) Drop();
    }

    private void Drop()
    {
        _closed = true;
        _segments.Clear();
        _bytes = 0;
    }
}
