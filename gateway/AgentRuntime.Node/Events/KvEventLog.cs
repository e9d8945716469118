using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Events;

/// <summary>What one step of the engine changed in the prefix cache. Immutable.</summary>
/// <param name="Sequence">Counts from 0 with the process.</param>
/// <param name="UnixSeconds">When.</param>
/// <param name="Events">In order.</param>
internal sealed record KvEventBatch(ulong Sequence, double UnixSeconds, IReadOnlyList<KvEvent> Events);

/// <summary>Takes batches as they come, on the engine's thread: it must not wait.</summary>
internal interface IKvEventListener
{
    void Offer(KvEventBatch batch);
}

/// <summary>
/// Numbers what the prefix cache gains and loses, keeps the last 10,000 batches (vLLM's <c>buffer_steps</c>), fewer
/// where they are large, and hands them to listeners. The engine's thread observes; the history and the listeners are
/// shared under a lock.
/// </summary>
internal sealed class KvEventLog(int blockTokens, TimeProvider time) : IPrefixCacheObserver
{
    /// <summary>Batches that are kept at most.</summary>
    public const int KeptBatches = 10_000;

    /// <summary>
    /// Tokens of stored blocks that are kept at most, 64 MiB of them: a batch has those of a pass, but of state that
    /// came from another node those of whole prompts.
    /// </summary>
    public const int KeptTokens = 1 << 24;

    private readonly Lock _gate = new();
    private readonly KvEventBatch?[] _history = new KvEventBatch?[KeptBatches]; // by sequence number
    private readonly List<IKvEventListener> _listeners = [];
    private List<KvEvent> _pending = [];
    private ulong _first;
    private ulong _next;
    private long _keptTokens;

    /// <inheritdoc/>
    public void Stored(in StoredBlock block)
    {
        // Blocks of one chain travel in one event, as in vLLM.
        if (_pending.Count > 0 && _pending[^1] is BlocksStored last && last.Hashes[^1] == block.Parent)
        {
            last.Hashes.Add(block.Hash);
            last.Tokens.AddRange(block.Tokens);
            return;
        }

        _pending.Add(new BlocksStored(
            [block.Hash], block.Parent, [.. block.Tokens], blockTokens, block.Salt, block.Adapter));
    }

    /// <inheritdoc/>
    public void Removed(BlockHash hash)
    {
        if (_pending.Count > 0 && _pending[^1] is BlocksRemoved last) last.Hashes.Add(hash);
        else _pending.Add(new BlocksRemoved([hash]));
    }

    /// <inheritdoc/>
    public void Cleared() => _pending.Add(new AllBlocksCleared());

    /// <inheritdoc/>
    public void Flush()
    {
        if (_pending.Count == 0) return;
        var batch = new KvEventBatch(_next, time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0, _pending);
        _pending = [];
        lock (_gate)
        {
            _keptTokens += Tokens(batch);
            while (_next - _first == KeptBatches || (_keptTokens > KeptTokens && _first < _next)) DropFirst();
            Slot(_next++) = batch;
            foreach (var listener in _listeners) listener.Offer(batch);
        }
    }

    /// <summary>The number of the batch that comes next.</summary>
    public ulong Next
    {
        get
        {
            lock (_gate) return _next;
        }
    }

    /// <summary>Every kept batch from a sequence number on.</summary>
    public IReadOnlyList<KvEventBatch> From(ulong sequence)
    {
        lock (_gate) return Kept(sequence, KeptBatches);
    }

    /// <summary>
    /// The first of the kept batches from a sequence number on, at most so many. Whoever passes them on piece by piece
    /// holds none that has left the log.
    /// </summary>
    public IReadOnlyList<KvEventBatch> From(ulong sequence, int most)
    {
        lock (_gate) return Kept(sequence, most);
    }

    /// <summary>
    /// Adds a listener that gets what comes after the batches that are returned, without a gap between.
    /// </summary>
    public IReadOnlyList<KvEventBatch> Listen(IKvEventListener listener, ulong sequence)
    {
        lock (_gate)
        {
            _listeners.Add(listener);
            return Kept(sequence, KeptBatches);
        }
    }

    public void Leave(IKvEventListener listener)
    {
        lock (_gate) _listeners.Remove(listener);
    }

    private ref KvEventBatch? Slot(ulong sequence) => ref _history[sequence % KeptBatches];

    private void DropFirst()
    {
        ref var first = ref Slot(_first++);
        _keptTokens -= Tokens(first!);
        first = null;
    }

    private List<KvEventBatch> Kept(ulong sequence, int most)
    {
        var from = Math.Clamp(sequence, _first, _next);
        var kept = new List<KvEventBatch>((int)Math.Min((ulong)most, _next - from));
        for (; from < _next && kept.Count < most; from++) kept.Add(Slot(from)!);
        return kept;
    }

    private static long Tokens(KvEventBatch batch)
    {
        var tokens = 0L;
        foreach (var e in batch.Events)
            if (e is BlocksStored stored)
                tokens += stored.Tokens.Count;
        return tokens;
    }
}
