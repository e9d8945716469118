using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace AgentRuntime.Gateway.Tests;

/// <summary>
/// An engine that writes its answers to the socket byte by byte as a test says: what no HTTP server can be made to
/// send. Its health and its model are told as they should be.
/// </summary>
internal sealed class RawEngine : IAsyncDisposable
{
    private readonly SocketServer _connections;
    private int _asked;

    public RawEngine() => _connections = new(ServeAsync);

    public EngineDescriptor Descriptor => new(
        "raw", new Uri($"http://127.0.0.1:{_connections.Port}"), EngineKind.Vllm);

    /// <summary>Whether the connection stays open after the next answer.</summary>
    public bool KeepsOpen { get; set; }

    /// <summary>What answers a chat, or a request for embeddings.</summary>
    public required Func<NetworkStream, CancellationToken, Task> Answer { get; set; }

    /// <summary>Chats that have been asked.</summary>
    public int Asked => Volatile.Read(ref _asked);

    /// <summary>Connections that are open.</summary>
    public int Open => _connections.Open;

    public static ValueTask WriteAsync(NetworkStream stream, string text, CancellationToken cancellationToken) =>
        stream.WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken);

    public ValueTask DisposeAsync() => _connections.DisposeAsync();

    private async Task ServeAsync(TcpClient client, CancellationToken stopped)
    {
        var stream = client.GetStream();
        while (await PathAsync(stream, stopped) is { } path)
        {
            if (path.Contains("completions", StringComparison.Ordinal) || path == "/v1/embeddings")
            {
                Interlocked.Increment(ref _asked);
                await Answer(stream, stopped);
                if (!KeepsOpen) break;
                continue;
            }

            await TellAsync(stream, path, stopped);
        }
    }

    private static async Task TellAsync(NetworkStream stream, string path, CancellationToken stopped)
    {
        var body = path switch
        {
            "/health" => "",
            "/v1/models" => """{"object":"list","data":[{"id":"m","object":"model","max_model_len":4096}]}""",
            _ => null,
        };
        var status = body is null ? "404 Not Found" : "200 OK";
        await WriteAsync(
            stream, $"HTTP/1.1 {status}\r\nContent-Length: {body?.Length ?? 0}\r\n\r\n{body}", stopped);
    }

    /// <summary>Reads a request to its end; null when there is none.</summary>
    private static async Task<string?> PathAsync(NetworkStream stream, CancellationToken stopped)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < 4 || !head.TakeLast(4).SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one, stopped) == 0) return null;
            head.Add(one[0]);
        }

        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n");
        var length = lines.Select(l => l.Split(':', 2))
            .FirstOrDefault(l => l[0].Equals("Content-Length", StringComparison.OrdinalIgnoreCase));
        if (length is not null)
        {
            var body = new byte[int.Parse(length[1], CultureInfo.InvariantCulture)];
            await stream.ReadExactlyAsync(body, stopped);
        }

        return lines[0].Split(' ')[1];
    }
}
