using System.Diagnostics;
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
