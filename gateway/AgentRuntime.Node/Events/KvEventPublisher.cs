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
    /// <summary>A subscriber that is further behind could not have all replayed.</summary>
    private const int QueuedBatches = KvEventLog.KeptBatches;

    private readonly KvEventLog _log;
    private readonly KvEventEncoding _encoding;
    private readonly byte[] _topic;
    private readonly ZmqSocket _publisher;
    private readonly ZmqSocket _router;
    private readonly KvReplay _replay;
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
            _router = new(Zmq.Router, options.Host, options.KvReplayPort ?? 0, KvReplay.QueuedBatches);
        }
        catch
        {
            _publisher.Dispose();
            throw;
        }

        _replay = new(log, _router, _topic, Encode);
        _threads =
        [
            new(Publish) { IsBackground = true, Name = "kv-events" },
            new(Replay) { IsBackground = true, Name = "kv-replay" },
        ];
        foreach (var thread in _threads) thread.Start();
        log.Listen(this, ulong.MaxValue);
    }

    public string Endpoint => _publisher.Endpoint;

    public string ReplayEndpoint => _router.Endpoint;

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
        _router.Dispose();
        _batches.Dispose();
    }

    private void Publish()
    {
        foreach (var batch in _batches.GetConsumingEnumerable())
            _publisher.Send(_topic, KvEventEncoder.Number(batch.Sequence), Encode(batch));
    }

    private void Replay()
    {
        while (!_stopping) _replay.Turn();
    }

    private byte[] Encode(KvEventBatch batch) => KvEventEncoder.Encode(batch.UnixSeconds, batch.Events, _encoding);
}
