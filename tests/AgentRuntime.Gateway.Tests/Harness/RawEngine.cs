using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace AgentRuntime.Gateway.Tests;

/// <summary>
/// An engine that writes its answers to the socket byte by byte as a test says: what no HTTP server can be made to
/// send. Its health and its model are told as they should be.
/// </summary>
internal sealed class RawEngine : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Task, byte> _connections = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private int _asked;
    private int _open;

    public RawEngine()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public EngineDescriptor Descriptor => new(
        "raw", new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}"), EngineKind.Vllm);

    /// <summary>Whether the connection stays open after the next answer.</summary>
    public bool KeepsOpen { get; set; }

    /// <summary>What answers a chat, or a request for embeddings.</summary>
    public required Func<NetworkStream, CancellationToken, Task> Answer { get; set; }

    /// <summary>Chats that have been asked.</summary>
    public int Asked => Volatile.Read(ref _asked);

    /// <summary>Connections that are open.</summary>
    public int Open => Volatile.Read(ref _open);

    public static ValueTask WriteAsync(NetworkStream stream, string text, CancellationToken cancellationToken) =>
        stream.WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_connections.Keys);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _connections.TryAdd(ServeAsync(client), 0);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // It ends.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        Interlocked.Increment(ref _open);
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                while (await PathAsync(stream) is { } path)
                {
                    if (path.Contains("completions", StringComparison.Ordinal) || path == "/v1/embeddings")
                    {
                        Interlocked.Increment(ref _asked);
                        await Answer(stream, _stop.Token);
                        if (!KeepsOpen) break;
                        continue;
                    }

                    await TellAsync(stream, path);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
            {
                // The router has had enough.
            }
        }

        Interlocked.Decrement(ref _open);
    }

    private async Task TellAsync(NetworkStream stream, string path)
    {
        var body = path switch
        {
            "/health" => "",
            "/v1/models" => """{"object":"list","data":[{"id":"m","object":"model","max_model_len":4096}]}""",
            _ => null,
        };
        var status = body is null ? "404 Not Found" : "200 OK";
        await WriteAsync(
            stream, $"HTTP/1.1 {status}\r\nContent-Length: {body?.Length ?? 0}\r\n\r\n{body}", _stop.Token);
    }

    /// <summary>Reads a request to its end; null when there is none.</summary>
    private async Task<string?> PathAsync(NetworkStream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < 4 || !head.TakeLast(4).SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0) return null;
            head.Add(one[0]);
        }

        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n");
        var length = lines.Select(l => l.Split(':', 2))
            .FirstOrDefault(l => l[0].Equals("Content-Length", StringComparison.OrdinalIgnoreCase));
        if (length is not null)
        {
            var body = new byte[int.Parse(length[1], CultureInfo.InvariantCulture)];
            await stream.ReadExactlyAsync(body, _stop.Token);
        }

        return lines[0].Split(' ')[1];
    }
}
