namespace AgentRuntime.Node.Transfer;

/// <summary>
/// Collects a prompt's KV state while it is computed: the engine's thread adds segments, connections read those that
/// are there. Thread-safe.
/// </summary>
/// <param name="promptTokens">Tokens of the prompt.</param>
/// <param name="segmentTokens">Tokens in a segment.</param>
/// <param name="budget">What exports may take together: the memory of buffers until they are returned.</param>
internal sealed class KvExport(int promptTokens, int segmentTokens, IKvBudget budget)
{
    private readonly Lock _gate = new();
    private List<KvSegment> _segments = [];
    private List<KvSegment> _dropped = [];
    private int _readers;
    private int _exported;
    private bool _closed;
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>Prompt tokens to export: all but the last, which the receiver computes to get its logits.</summary>
    public int Tokens { get; } = promptTokens - 1;

    /// <summary>Whether the state outgrew the limit, so that nothing can be transferred.</summary>
    public bool Overflowed { get; private set; }

    public bool IsComplete => _exported == Tokens && !Overflowed;

    public IReadOnlyList<KvSegment> Segments
    {
        get
        {
            lock (_gate) return [.. _segments];
        }
    }

    /// <summary>A segment, as soon as it is there; null when it never will be.</summary>
    public async ValueTask<KvSegment?> SegmentAsync(int index, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (index < _segments.Count) return _segments[index];
                if (_closed || _exported == Tokens) return null;
                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken);
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

    public void Add(int from, int to, KvBuffer state)
    {
        var segment = KvSegment.Of(from, to, state);
        lock (_gate)
        {
            if (_closed || !budget.TryTake(state.Capacity))
            {
                state.Return();
                if (_closed) return;
                Overflowed = true;
                Drop();
                return;
            }

            _segments.Add(segment);
            _exported = to;
            Signal();
        }
    }

    /// <summary>Keeps the segments' bytes as they are until <see cref="EndRead"/>; false when they are gone.</summary>
    public bool BeginRead()
    {
        lock (_gate)
        {
            if (_closed) return false;
            _readers++;
            return true;
        }
    }

    public void EndRead()
    {
        lock (_gate)
        {
            _readers--;
            ReturnDropped();
        }
    }

    /// <summary>Frees the state; nothing is added any more.</summary>
    public void Release()
    {
        lock (_gate) Drop();
    }

    private void Drop()
    {
        if (_closed) return;
        _closed = true;
        (_dropped, _segments) = (_segments, []);
        ReturnDropped();
        Signal();
    }

    private void ReturnDropped()
    {
        if (!_closed || _readers > 0) return;
        foreach (var segment in _dropped)
        {
            budget.Give(segment.Buffer.Capacity);
            segment.Buffer.Return();
        }

        _dropped = [];
    }

    private void Signal()
    {
        _changed.TrySetResult();
        _changed = NewSignal();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
