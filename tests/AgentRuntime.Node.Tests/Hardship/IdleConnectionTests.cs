using System.Net.Sockets;
using System.Text;

namespace AgentRuntime.Node.Tests.Hardship;

/// <summary>Connections that send nothing, or not enough.</summary>
public sealed class IdleConnectionTests
{
    private const string Half = "POST /v1/chat/completions HTTP/1.1\r\nHost: node\r\nContent-Le";

    [Theory]
    [InlineData("")]
    [InlineData(Half)]
    public async Task A_thousand_connections_that_send_no_request_hold_nobody_up_and_are_closed(string sent)
    {
        await using var node = await StartAsync(o => o with { IdleTimeout = Idle, HeadersTimeout = Idle });
        var sockets = await OpenAsync(node.Address, 1000, sent);
        try
        {
            var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", DemoNode.Chat("hello", 5));
            Assert.Equal(200, status);
            Assert.Equal(5, (int)json["usage"]!["completion_tokens"]!);
            await Task.WhenAll(sockets.Select(EndedAsync));
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
    }

    [Fact]
    public async Task A_thousand_idle_connections_to_the_grpc_port_are_closed_too()
    {
        await using var node = await StartAsync(o => o with { GrpcPort = 0, IdleTimeout = Idle });
        var sockets = await OpenAsync(node.GrpcAddress!, 1000, "");
        try
        {
            using var channel = new Rpc.Client.RpcChannel(node.GrpcAddress!);
            Assert.True((await channel.UnaryAsync(Rpc.Vllm.VllmEngine.HealthCheck, new())).Healthy);
            await Task.WhenAll(sockets.Select(EndedAsync));
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
    }

    [Fact]
    public async Task Connections_over_the_limit_are_closed_and_those_within_it_served()
    {
        await using var node = await StartAsync(o => o with { MaxConnections = 20 });
        using var http = DemoNode.Client(node);
        Assert.Equal(200, (int)(await http.GetAsync("/health")).StatusCode); // its connection stays open
        var sockets = await OpenAsync(node.Address, 40, "");
        try
        {
            // Nineteen fit beside the first; the others are closed at once, without a word.
            var ends = sockets.Select(EndedAsync).ToList();
            for (var closed = 0; closed < 21; closed++) ends.Remove(await Task.WhenAny(ends).WaitAsync(Patience));
            Assert.Equal(200, (int)(await http.GetAsync("/health")).StatusCode);
            Assert.All(ends, end => Assert.False(end.IsCompleted));
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
    }

    [Fact]
    public async Task A_body_that_never_comes_ends_its_connection_only()
    {
        await using var node = await StartAsync();
        var head = "POST /v1/chat/completions HTTP/1.1\r\nHost: node\r\nContent-Length: 1000\r\n\r\n{";
        var sockets = await OpenAsync(node.Address, 20, head);
        try
        {
            var (status, _) = await DemoNode.PostAsync(node, "/v1/chat/completions", DemoNode.Chat("hello", 5));
            Assert.Equal(200, status);
            await Task.WhenAll(sockets.Select(EndedAsync));
            Assert.Equal(0, node.Service.Engine.Counters.Running + node.Service.Engine.Counters.Waiting);
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
    }

    /// <summary>Of the node: more than the time for which this process, which asks too, may stand still.</summary>
    private static TimeSpan Idle => TimeSpan.FromSeconds(6);

    private static TimeSpan Patience => TimeSpan.FromSeconds(60);

    private static Task<NodeServer> StartAsync(Func<NodeOptions, NodeOptions>? change = null)
    {
        var options = new NodeOptions { ModelPath = "", Simulation = new() { Speed = 1e6 } };
        return NodeServer.StartAsync(change is null ? options : change(options));
    }

    private static async Task<Socket[]> OpenAsync(Uri address, int count, string sent)
    {
        var sockets = new Socket[count];
        for (var i = 0; i < count; i++)
        {
            sockets[i] = new(SocketType.Stream, ProtocolType.Tcp);
            await sockets[i].ConnectAsync(address.Host, address.Port);
            if (sent.Length > 0) await sockets[i].SendAsync(Encoding.ASCII.GetBytes(sent));
        }

        return sockets;
    }

    /// <summary>Reads to the end, whatever comes before it.</summary>
    private static async Task EndedAsync(Socket socket)
    {
        var buffer = new byte[1024];
        try
        {
            while (await socket.ReceiveAsync(buffer).WaitAsync(Patience) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // Reset: closed as well.
        }
    }
}
