using System.Net;
using System.Net.Sockets;
using System.Text;

namespace AgentRuntime.Execution.Tests;

/// <summary>Connections of answers that nobody reads to their end.</summary>
public sealed class BrokenAnswerTests
{
    [Theory]
    [InlineData("application/json", "{")]
    [InlineData("text/html", "<html>")]
    public async Task An_answer_that_breaks_off_or_is_not_read_keeps_no_connection(string type, string body)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var closed = ServeAsync(
            listener, $"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\nContent-Length: 100\r\n\r\n{body}");
        using var client = EgressConnections.NewClient(null, 1 << 20);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{listener.LocalEndpoint}/");
        HttpResponseMessage? response = null;

        // Like the MCP client, which disposes of no answer that it fails to read, and reads JSON alone.
        var error = await Record.ExceptionAsync(async () =>
        {
            response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            if (type == "application/json") await response.Content.ReadAsStringAsync();
        });

        await closed;
        Assert.Equal(type == "application/json", error is not null);
        response?.Dispose();
    }

    /// <summary>Answers one request, says that no more comes, and waits until the other side has closed too.</summary>
    private static async Task ServeAsync(TcpListener listener, string answer)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        using var socket = await listener.AcceptSocketAsync(patience.Token);
        var buffer = new byte[4_096];
        await socket.ReceiveAsync(buffer, patience.Token);
        await socket.SendAsync(Encoding.ASCII.GetBytes(answer), patience.Token);
        socket.Shutdown(SocketShutdown.Send);
        while (await socket.ReceiveAsync(buffer, patience.Token) > 0)
        {
        }
    }
}
