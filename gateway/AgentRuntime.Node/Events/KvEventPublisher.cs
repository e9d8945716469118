using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Events;

/// <summary>
/// Publishes what the prefix cache gains and loses on ZeroMQ, as vLLM does: PUB with topic, 8-byte sequence number and
/// payload, and a ROUTER that replays the last 10,000 batches. The engine's thread calls the observer and
/// <see cref="Flush"/>; two threads own the sockets; the history is shared under a lock.
/// </summary>
internal sealed class KvEventPublisher : IPrefixCacheObserver, IDisposable
{
    private const int KeptBatches = 10_000;
    private const int QueuedBatches = 100_000;

    private static readonly byte[] ReplayEnd = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

    private readonly int _blockTokens;
    private readonly KvEventEncoding _encoding;
    private readonly TimeProvider _time;
    private readonly byte[] _topic;
    private readonly ZmqSocket _publisher;
    private readonly ZmqSocket _replay;
    private readonly BlockingCollection<KvEvent[]> _batches = new(QueuedBatches);
    private readonly Queue<(ulong Sequence, byte[] Payload)> _history = new();
    private readonly Lock _gate = new();
    private readonly Thread[] _threads;
    private List<KvEvent> _pending = [];
    private volatile bool _stopping;

    public KvEventPublisher(NodeOptions options, TimeProvider time)
    {
        _blockTokens = options.BlockTokens;
        _encoding = options.KvEventEncoding;
        _time = time;
        _topic = Encoding.UTF8.GetBytes(options.KvEventTopic);
        _publisher = new(Zmq.Publisher, options.Host, options.KvEventPort ?? 0);
        try
        {
            _replay = new(Zmq.Router, options.Host, options.KvReplayPort ?? 0);
        }
        catch
        {
            _publisher.Dispose();
            throw;
        }

        _threads =
        [
            new(Publish) { IsBackground = true, Name = "kv-events" },
            new(Replay) { IsBackground = true, Name = "kv-replay" },
        ];
        foreach (var thread in _threads) thread.Start();
    }

    public string Endpoint => _publisher.Endpoint;

    public string ReplayEndpoint => _replay.Endpoint;

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
            [block.Hash], block.Parent, [.. block.Tokens], _blockTokens, block.Salt, block.Adapter));
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
        // Never waits: the engine must not stall for its observers. A lost batch is a gap that nobody could replay, so
        // that all is declared lost with the next one.
        var batch = _pending.ToArray();
        _pending = _batches.TryAdd(batch) ? [] : [new AllBlocksCleared()];
    }

    public void Dispose()
    {
        _stopping = true;
        _batches.CompleteAdding();
        foreach (var thread in _threads) thread.Join();
        _publisher.Dispose();
        _replay.Dispose();
        _batches.Dispose();
    }

    private void Publish()
    {
        var sequence = 0UL;
        foreach (var batch in _batches.GetConsumingEnumerable())
        {
            var seconds = _time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
            var payload = KvEventEncoder.Encode(seconds, batch, _encoding);
            lock (_gate)
            {
                if (_history.Count == KeptBatches) _history.Dequeue();
                _history.Enqueue((sequence, payload));
            }

            _publisher.Send(_topic, Number(sequence++), payload);
        }
    }

    private void Replay()
    {
        while (!_stopping)
        {
            if (_replay.Receive() is not { Count: 3 } request || request[2].Length != 8) continue;
            var from = BinaryPrimitives.ReadUInt64BigEndian(request[2]);
            (ulong Sequence, byte[] Payload)[] batches;
            lock (_gate) batches = [.. _history.Where(b => b.Sequence >= from)];
            foreach (var (sequence, payload) in batches) _replay.Send(request[0], [], _topic, Number(sequence),
                payload);
            _replay.Send(request[0], [], _topic, ReplayEnd, []);
        }
    }

    private static byte[] Number(ulong sequence)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, sequence);
        return bytes;
    }
}
