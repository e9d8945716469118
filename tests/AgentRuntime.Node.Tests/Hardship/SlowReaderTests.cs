using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Events;
using AgentRuntime.Node.Grpc;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Server;
using AgentRuntime.TestKit;
using Xunit.Abstractions;
using WireBatch = AgentRuntime.Rpc.Vllm.KvEventBatch;

namespace AgentRuntime.Node.Tests.Hardship;

/// <summary>Readers that take what they asked for slowly, or not at all.</summary>
public sealed class SlowReaderTests(ITestOutputHelper output)
{
    private const int Many = 30_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_client_that_does_not_read_its_stream_holds_no_other_up()
    {
        await using var node = await NodeServer.StartAsync(new()
        {
            ModelPath = "", Simulation = new() { Speed = 1e6 }, ContextTokens = 1 << 19, ParallelSequences = 4,
        });
        using var reader = new TcpClient { ReceiveBufferSize = 4096 };
        await reader.ConnectAsync(node.Address.Host, node.Address.Port);
        var body = DemoNode.Chat("write much", 200_000);
        body["stream"] = true;
        var content = await JsonContent.Create(body).ReadAsByteArrayAsync();
        await reader.Client.SendAsync(Encoding.ASCII.GetBytes(
            $"POST /v1/chat/completions HTTP/1.1\r\nHost: node\r\nContent-Length: {content.Length}\r\n\r\n"));
        await reader.Client.SendAsync(content);
        // It never reads. Others are served meanwhile.
        for (var i = 0; i < 20; i++)
        {
            var (status, json) = await DemoNode.PostAsync(
                node, "/v1/chat/completions", DemoNode.Chat($"question {i}", 50));
            Assert.Equal(200, status);
            Assert.Equal(50, (int)json["usage"]!["completion_tokens"]!);
        }
    }

    [Fact]
    public async Task A_grpc_subscriber_that_does_not_read_is_told_to_start_again_and_the_engine_never_waits()
    {
        var log = new KvEventLog(16, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var slow = new HeldWriter();
        var serving = new KvEventSubscription().ServeAsync(log, 0, slow, stop.Token);
        Store(log, Many);
        Assert.False(serving.IsCompleted);
        slow.Release();
        var e = await Assert.ThrowsAsync<RpcException>(() => serving.WaitAsync(Patience));
        Assert.Equal(RpcStatusCode.ResourceExhausted, e.Status.Code);
        // What it got before has no gap.
        Assert.Equal(Enumerable.Range(0, slow.Seen.Count).Select(i => (ulong)i), slow.Seen);

        // Starting again gives what is kept; what is no longer kept is said.
        var again = new HeldWriter();
        again.Release();
        var second = new KvEventSubscription().ServeAsync(log, 0, again, stop.Token);
        await again.Reached((ulong)Many - 1).WaitAsync(Patience);
        Assert.Equal((ulong)Many - 10_000, again.Seen[0]);
        Assert.Equal(10_000, again.Seen.Count);
        e = await Assert.ThrowsAsync<RpcException>(
            () => new KvEventSubscription().ServeAsync(log, 5, again, stop.Token).WaitAsync(Patience));
        Assert.Equal(RpcStatusCode.OutOfRange, e.Status.Code);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_zeromq_subscriber_that_does_not_read_loses_events_and_the_engine_never_waits()
    {
        if (!Python.Has("zmq"))
        {
            output.WriteLine("python3-zmq is not installed; nothing was tested");
            return;
        }

        var options = new NodeOptions { ModelPath = "", KvEventPort = 0 };
        var log = new KvEventLog(16, TimeProvider.System);
        using var publisher = new KvEventPublisher(options, log);
        var script = Path.Combine(Repository.Root, "tests", "AgentRuntime.Node.Tests", "Hardship",
            "silent_subscriber.py");
        using var peer = Python.Start(script, [publisher.Endpoint]);
        try
        {
            Assert.Equal("ready", await peer.StandardOutput.ReadLineAsync());
            var started = TimeProvider.System.GetTimestamp();
            Store(log, 10 * Many);
            // Ten seconds are an age for what takes a tenth of one when nobody waits.
            Assert.InRange(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 0, 10);
            Assert.Equal(10_000, log.From(0).Count);
        }
        finally
        {
            peer.Kill();
            await peer.WaitForExitAsync();
        }
    }

    [Fact]
    public void Large_batches_are_kept_no_longer_than_their_tokens_have_room()
    {
        var log = new KvEventLog(16, TimeProvider.System);
        const int Tokens = KvEventLog.KeptTokens / 8;
        Store(log, 20, Tokens);
        Assert.Equal(Enumerable.Range(12, 8).Select(i => (ulong)i), log.From(0).Select(b => b.Sequence));
        Store(log, 1, 10 * Tokens); // one is always kept
        Assert.Equal([20UL], log.From(0).Select(b => b.Sequence));
    }

    private static void Store(KvEventLog log, int batches, int batchTokens = 16)
    {
        var hash = BlockHash.Root(null, null);
        var tokens = new int[batchTokens];
        for (var i = 0; i < batches; i++)
        {
            log.Stored(new(hash with { Low = (ulong)i }, null, tokens, null, null));
            log.Flush();
        }
    }

    /// <summary>A subscriber that takes nothing until it is released.</summary>
    private sealed class HeldWriter : IRpcWriter<WireBatch>
    {
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private ulong _goal = ulong.MaxValue;

        public List<ulong> Seen { get; } = [];

        public void Release() => _released.TrySetResult();

        public Task Reached(ulong sequence)
        {
            lock (Seen)
            {
                _goal = sequence;
                if (Seen.Contains(sequence)) _reached.TrySetResult();
            }

            return _reached.Task;
        }

        public async ValueTask WriteAsync(WireBatch response)
        {
            await _released.Task;
            lock (Seen)
            {
                Seen.Add(response.SequenceNumber);
                if (response.SequenceNumber == _goal) _reached.TrySetResult();
            }
        }

        public ValueTask SendHeadersAsync() => ValueTask.CompletedTask;
    }
}
