using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using AgentRuntime.Node.Events;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Node.Tests.Events;

public sealed class KvEventTests(ITestOutputHelper output)
{
    private const string Python = "/usr/bin/python3";

    [Theory]
    [InlineData(KvEventEncoding.Map)]
    [InlineData(KvEventEncoding.Array)]
    public async Task A_foreign_subscriber_hears_and_replays_what_the_cache_holds(KvEventEncoding encoding)
    {
        if (!HasPeer())
        {
            output.WriteLine("python3-zmq or python3-msgpack is not installed; nothing was tested");
            return;
        }

        await using var node = await DemoNode.StartAsync(o => o with { KvEventPort = 0, KvEventEncoding = encoding });
        var events = node.Service.Events!;
        using var peer = Start(events);
        Assert.True((bool)(await LineAsync(peer))["ready"]!);
        // A subscription needs a moment to reach the publisher: publish until it has.
        using var stop = new CancellationTokenSource();
        var publishing = PublishAsync(node, stop.Token);
        var live = await LineAsync(peer);
        await stop.CancelAsync();
        await publishing;

        var first = await LineAsync(peer);
        Assert.Equal(0, (int)first["replayed"]!);
        var batch = first["batch"]!;
        var stored = (encoding == KvEventEncoding.Map ? batch["events"] : batch[1])![0]!;
        JsonNode? Field(string name, int index) => encoding == KvEventEncoding.Map ? stored[name] : stored[index];
        Assert.Equal("BlockStored", (string?)Field("type", 0));
        var hashes = Field("block_hashes", 1)!.AsArray();
        Assert.Null(Field("parent_block_hash", 2));
        Assert.Equal(hashes.Count * 16, Field("token_ids", 3)!.AsArray().Count);
        Assert.Equal(16, (int)Field("block_size", 4)!);
        Assert.Equal("GPU", (string?)Field("medium", 6));
        Assert.Equal("tenant-a", (string?)Field("extra_keys", 8)![0]![0]);

        var next = 1;
        JsonNode line;
        for (line = await LineAsync(peer); line["end"] is null; line = await LineAsync(peer))
            Assert.Equal(next++, (int)line["replayed"]!);
        Assert.True(next > (int)live["live"]!);
    }

    /// <summary>Of a peer's message all would be kept in memory until its last byte is there.</summary>
    [Theory]
    [InlineData("SUB")]
    [InlineData("DEALER")]
    public async Task A_message_longer_than_any_that_is_asked_for_ends_its_connection(string kind)
    {
        await using var node = await DemoNode.StartAsync(o => o with { KvEventPort = 0 });
        var endpoint = kind == "SUB" ? node.Service.Events!.Endpoint : node.Service.Events!.ReplayEndpoint;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        using var peer = new TcpClient();
        await peer.ConnectAsync("127.0.0.1", new Uri(endpoint).Port, deadline.Token);
        var stream = peer.GetStream();
        // ZMTP 3.0 (rfc.zeromq.org/spec/23): greeting, READY, and a frame of a MiB.
        byte[] greeting = [0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 0, .. "NULL"u8, .. new byte[48]];
        await stream.WriteAsync(greeting, deadline.Token);
        await stream.ReadExactlyAsync(new byte[64], deadline.Token);
        byte[] value = [0, 0, 0, (byte)kind.Length, .. Encoding.ASCII.GetBytes(kind)];
        byte[] ready = [5, .. "READY"u8, 11, .. "Socket-Type"u8, .. value];
        await stream.WriteAsync((byte[])[4, (byte)ready.Length, .. ready], deadline.Token);
        var head = new byte[2];
        await stream.ReadExactlyAsync(head, deadline.Token);
        await stream.ReadExactlyAsync(new byte[head[1]], deadline.Token);
        await stream.WriteAsync((byte[])[2, 0, 0, 0, 0, 0, 16, 0, 0], deadline.Token);
        try
        {
            Assert.Equal(0, await stream.ReadAsync(new byte[1], deadline.Token));
        }
        catch (IOException)
        {
            // Ended all the same.
        }
    }

    private static async Task PublishAsync(NodeServer node, CancellationToken cancellationToken)
    {
        for (var i = 0; !cancellationToken.IsCancellationRequested; i++)
        {
            var body = DemoNode.Chat(DemoNode.LongText(40, i), 1);
            body["cache_salt"] = "tenant-a";
            await DemoNode.PostAsync(node, "/v1/chat/completions", body);
        }
    }

    private static bool HasPeer()
    {
        if (!File.Exists(Python)) return false;
        using var probe = Process.Start(new ProcessStartInfo(Python, ["-c",
            "import zmq, msgpack"]) { RedirectStandardError = true, UseShellExecute = false })!;
        probe.WaitForExit();
        return probe.ExitCode == 0;
    }

    private static Process Start(KvEventPublisher events)
    {
        var script = Path.Combine(Repository.Root, "tests", "AgentRuntime.Node.Tests", "Events", "subscriber.py");
        return Process.Start(new ProcessStartInfo(Python, [script, events.Endpoint, events.ReplayEndpoint])
        {
            RedirectStandardOutput = true, UseShellExecute = false,
        })!;
    }

    private static async Task<JsonNode> LineAsync(Process peer)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        return JsonNode.Parse(await peer.StandardOutput.ReadLineAsync(deadline.Token)
            ?? throw new InvalidOperationException("the subscriber ended"))!;
    }
}
