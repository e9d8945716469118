using System.Buffers.Binary;

namespace AgentRuntime.Node.Events;

/// <summary>
/// Sends what the log has kept to those who ask for it, as vLLM does: topic, sequence number and payload, and an end.
/// A peer is sent the next batches as it reads those before: one that asks for all and reads nothing holds no more than
/// its queue does. When too many ask at once, the one that has read nothing for longest is given up. One thread at a
/// time.
/// </summary>
/// <param name="log">What is replayed.</param>
/// <param name="socket">A ROUTER, whose queue for a peer is a part of a replay.</param>
/// <param name="topic">The topic of every message.</param>
/// <param name="encode">A batch's payload.</param>
internal sealed class KvReplay(KvEventLog log, ZmqSocket socket, byte[] topic, Func<KvEventBatch, byte[]> encode)
{
    /// <summary>Peers that are replayed to at once.</summary>
    public const int MostPeers = 32;

    /// <summary>Batches that wait for one peer at most.</summary>
    public const int QueuedBatches = 64;

    private const int MostAcceptedAtOnce = 16;
    private const int IdleMilliseconds = 200;
    private const int LongestPauseMilliseconds = 64;

    private static readonly byte[] End = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

    private readonly List<Peer> _peers = [];
    private int _pause = IdleMilliseconds;
    private long _turn;

    /// <summary>Peers that are replayed to.</summary>
    public int Peers => _peers.Count;

    /// <summary>Takes new requests and goes on with those under way; waits when there is nothing to do.</summary>
    public void Turn()
    {
        _turn++;
        for (var i = 0; i < MostAcceptedAtOnce && socket.Receive(i == 0 ? _pause : 0) is { } request; i++)
            Accept(request);
        var sent = false;
        for (var i = _peers.Count - 1; i >= 0; i--) sent |= GoOn(_peers[i]);
        _pause = _peers.Count == 0 ? IdleMilliseconds
            : sent ? 0 : Math.Clamp(_pause * 2, 1, LongestPauseMilliseconds);
    }

    private void Accept(List<byte[]> request)
    {
        if (request is not [var identity, _, { Length: sizeof(ulong) } start]) return;
        var from = BinaryPrimitives.ReadUInt64BigEndian(start);
        if (_peers.Find(p => p.Identity.AsSpan().SequenceEqual(identity)) is { } known)
        {
            // One replay after the other; of several that wait the last.
            known.Again = from;
            return;
        }

        if (_peers.Count == MostPeers) _peers.Remove(_peers.MinBy(p => p.ReadIn)!);
        _peers.Add(new(identity) { Next = from, End = log.Next, ReadIn = _turn });
    }

    /// <summary>Sends a peer what its queue has room for. Whether that was anything.</summary>
    private bool GoOn(Peer peer)
    {
        for (var sent = 0; sent < QueuedBatches; sent++)
        {
            // Encoded once, however often there is no room for it.
            peer.Payload ??= Payload(peer);
            var number = peer.Payload.Length == 0 ? End : KvEventEncoder.Number(peer.Next);
            switch (socket.Send(peer.Identity, [], topic, number, peer.Payload))
            {
                case ZmqSent.Gone:
                    _peers.Remove(peer);
                    return sent > 0;
                case ZmqSent.Full:
                    return sent > 0;
            }

            peer.ReadIn = _turn;
            var ended = peer.Payload.Length == 0;
            peer.Payload = null;
            peer.Next++;
            if (!ended) continue;
            if (peer.Again is not { } again)
            {
                _peers.Remove(peer);
                return true;
            }

            (peer.Next, peer.End, peer.Again) = (again, log.Next, null);
        }

        return true;
    }

    /// <summary>The payload of a peer's next batch, which it may have to skip some for; empty for its end.</summary>
    private byte[] Payload(Peer peer)
    {
        if (peer.Next >= peer.End || log.From(peer.Next, 1) is not [var batch]) return [];
        peer.Next = batch.Sequence;
        return encode(batch);
    }

    private sealed class Peer(byte[] identity)
    {
        public byte[] Identity { get; } = identity;

        /// <summary>The batch that is sent next.</summary>
        public ulong Next { get; set; }

        /// <summary>The first batch that came after the request.</summary>
        public ulong End { get; set; }

        /// <summary>What is replayed after this; null for nothing.</summary>
        public ulong? Again { get; set; }

        /// <summary>What is sent next; null while it has not been encoded, empty for the end.</summary>
        public byte[]? Payload { get; set; }

        /// <summary>The last turn in which it had room.</summary>
        public long ReadIn { get; set; }
    }
}
