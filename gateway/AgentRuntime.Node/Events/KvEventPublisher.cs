using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Events;

/// <summary>
/// Publishes the log on ZeroMQ, as vLLM does: PUB with topic, 8-byte sequence number and payload, and a ROUTER that
/// replays what the log has kept. Two threads own the sockets.
/// </summary>
internal sealed class KvEventPublisher : IKvEventListener, IDisposable
{
    private const int QueuedBatches = 100_000;

    private static readonly byte[] ReplayEnd = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

    private readonly KvEventLog _log;
    private readonly KvEventEncoding _encoding;
    private readonly byte[] _topic;
    private readonly ZmqSocket _publisher;
    private readonly ZmqSocket _replay;
    private readonly BlockingCollection<KvEventBatch> _batches = new(QueuedBatches);
    private readonly Thread[] _threads;
    private bool _lost;
    private volatile bool _stopping;

    public KvEventPublisher(NodeOptions options, KvEventLog log)
    {
        _log = log;
        _encoding = options.KvEventEncoding;
        _topic = Encoding.UTF8.GetBytes(options.KvEventTopic);
        _publisher = new(Zmq.Publisher, options.Host, options.KvEventPort ?? 0, QueuedBatches);
        try
        {
            // One replay of all, and its end: a peer that asks again and again and reads nothing holds no more.
            _replay = new(Zmq.Router, options.Host, options.KvReplayPort ?? 0, KvEventLog.KeptBatches + 1);
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
        log.Listen(this, ulong.MaxValue);
    }

    public string Endpoint => _publisher.Endpoint;

    public string ReplayEndpoint => _replay.Endpoint;

    /// <inheritdoc/>
    public void Offer(KvEventBatch batch)
    {
        // Never waits: the engine must not stall for its observers. A lost batch is a gap that may be gone from the
        // log when it is asked for, so that all is declared lost with the next one.
        _lost = !_batches.TryAdd(_lost ? batch with { Events = [new AllBlocksCleared(), .. batch.Events] } : batch);
    }

    public void Dispose()
    {
        _log.Leave(this);
        _stopping = true;
        _batches.CompleteAdding();
        foreach (var thread in _threads) thread.Join();
        _publisher.Dispose();
        _replay.Dispose();
        _batches.Dispose();
    }

    private void Publish()
    {
        foreach (var batch in _batches.GetConsumingEnumerable())
            _publisher.Send(_topic, Number(batch.Sequence), Encode(batch));
    }

    private void Replay()
    {
        while (!_stopping)
        {
            if (_replay.Receive() is not { Count: 3 } request || request[2].Length != 8) continue;
            foreach (var batch in _log.From(BinaryPrimitives.ReadUInt64BigEndian(request[2])))
                _replay.Send(request[0], [], _topic, Number(batch.Sequence), Encode(batch));
            _replay.Send(request[0], [], _topic, ReplayEnd, []);
        }
    }

    private byte[] Encode(KvEventBatch batch) => KvEventEncoder.Encode(batch.UnixSeconds, batch.Events, _encoding);

    private static byte[] Number(ulong sequence)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, sequence);
        return bytes;
    }
}
