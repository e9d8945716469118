using System.Threading.Channels;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Events;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Server;
using AgentRuntime.Rpc.Vllm;
using KvEventBatch = AgentRuntime.Node.Events.KvEventBatch;
using WireBatch = AgentRuntime.Rpc.Vllm.KvEventBatch;

namespace AgentRuntime.Node.Grpc;

/// <summary>
/// <c>SubscribeKvEvents</c>: what is kept from a sequence number on, then what comes. A subscriber that falls 10,000
/// batches behind is ended and asks again. One for each call.
/// </summary>
internal sealed class KvEventSubscription : IKvEventListener
{
    private const int QueuedBatches = 10_000;

    private readonly Channel<KvEventBatch> _batches =
        Channel.CreateBounded<KvEventBatch>(new BoundedChannelOptions(QueuedBatches) { SingleReader = true });

    /// <inheritdoc/>
    public void Offer(KvEventBatch batch)
    {
        if (!_batches.Writer.TryWrite(batch)) _batches.Writer.TryComplete();
    }

    /// <exception cref="RpcException">
    /// OutOfRange: what was asked for is no longer kept. ResourceExhausted: the subscriber is too slow.
    /// </exception>
    public async Task ServeAsync(
        KvEventLog log, ulong from, IRpcWriter<WireBatch> responses, CancellationToken cancellationToken)
    {
        var kept = log.Listen(this, from);
        try
        {
            if (from > 0 && kept.Count > 0 && kept[0].Sequence > from)
            {
                throw RpcRefusal.Of(
                    ReasonCodes.NotFound, RpcStatusCode.OutOfRange, $"batch {from} is no longer kept; start from 0");
            }

            await responses.SendHeadersAsync();
            var id = 0UL;
            foreach (var batch in kept) await responses.WriteAsync(Convert(batch, ref id));
            await foreach (var batch in _batches.Reader.ReadAllAsync(cancellationToken))
                await responses.WriteAsync(Convert(batch, ref id));
            throw RpcRefusal.Of(
                ReasonCodes.Saturated, RpcStatusCode.ResourceExhausted,
                "the subscriber is too slow; subscribe again");
        }
        finally
        {
            log.Leave(this);
        }
    }

    private static WireBatch Convert(KvEventBatch batch, ref ulong eventId)
    {
        var wire = new WireBatch { SequenceNumber = batch.Sequence, Timestamp = batch.UnixSeconds, DpRank = 0 };
        foreach (var e in batch.Events)
        {
            var change = new KvCacheEvent { EventId = ++eventId };
            switch (e)
            {
                case BlocksStored stored:
                    change.Stored = Stored(stored);
                    break;
                case BlocksRemoved removed:
                    change.Removed = new() { BlockHashes = { removed.Hashes.Select(Hash) } };
                    break;
                default:
                    change.Cleared = new();
                    break;
            }

            wire.Events.Add(change);
        }

        return wire;
    }

    private static KvBlocksStored Stored(BlocksStored stored)
    {
        var wire = new KvBlocksStored();
        if (stored.Parent is { } parent) wire.ParentBlockHash = Hash(parent);
        else if (stored.Salt is { } salt) wire.CacheSalt = salt;
        if (stored.Adapter is { } adapter) wire.LoraName = adapter;
        for (var i = 0; i < stored.Hashes.Count; i++)
        {
            var tokens = stored.Tokens.GetRange(i * stored.BlockTokens, stored.BlockTokens);
            wire.Blocks.Add(new KvBlock
            {
                BlockHash = Hash(stored.Hashes[i]),
                BlockSize = stored.BlockTokens,
                TokenIds = { tokens.Select(t => (uint)t) },
            });
        }

        return wire;
    }

    /// <summary>The same 64 bits as over ZeroMQ, read as signed (smg: kv_events.py, to_int64).</summary>
    private static long Hash(BlockHash hash) => unchecked((long)hash.Low);
}
