using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Events;
using AgentRuntime.Node.Interop;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Node.Tests.Hardship;

/// <summary>Peers that ask for all that the log of KV events keeps, and read nothing of it.</summary>
public sealed class ReplayTests(ITestOutputHelper output)
{
    private const int Batches = 2000;
    private const int BatchTokens = 4000;
    private const int Silent = KvReplay.MostPeers + 8;

    [Fact]
    public async Task Peers_that_read_nothing_hold_a_piece_each_and_nobody_up()
    {
        if (!Python.Has("zmq"))
        {
            output.WriteLine("python3-zmq is not installed; nothing was tested");
            return;
        }

        var log = new KvEventLog(BatchTokens, TimeProvider.System);
        var tokens = new int[BatchTokens];
        Array.Fill(tokens, 1 << 17); // five bytes each
        for (var i = 0; i < Batches; i++)
        {
            log.Stored(new(BlockHash.Root(null, null) with { Low = (ulong)i }, null, tokens, null, null));
            log.Flush();
        }

        using var socket = new ZmqSocket(Zmq.Router, "127.0.0.1", 0, KvReplay.QueuedBatches);
        var (encoded, peers) = (0, 0);
        var replay = new KvReplay(log, socket, [], batch =>
        {
            encoded++;
            return KvEventEncoder.Encode(batch.UnixSeconds, batch.Events, KvEventEncoding.Map);
        });
        using var stop = new CancellationTokenSource();
        var turning = Task.Run(() =>
        {
            for (; !stop.IsCancellationRequested; peers = Math.Max(peers, replay.Peers)) replay.Turn();
        });
        var script = Path.Combine(
            Repository.Root, "tests", "AgentRuntime.Node.Tests", "Hardship", "replay_peers.py");
        using var peer = Python.Start(script, [socket.Endpoint, $"{Silent}"]);
        try
        {
            Assert.Equal($"in order {Batches}", await peer.StandardOutput.ReadLineAsync());
        }
        finally
        {
            peer.Kill();
            await peer.WaitForExitAsync();
            await stop.CancelAsync();
            await turning;
        }

        Assert.Equal(KvReplay.MostPeers, peers);
        // Whoever reads got all; the others what fits their queues, here and in the kernel.
        Assert.InRange(encoded - Batches, Silent, Silent * 4 * KvReplay.QueuedBatches);
    }
}
