using System.Net;
using System.Net.Sockets;

namespace AgentRuntime.Integration.Tests.Processes;

/// <summary>An edge that refuses a node some times before it lets it join, and hears it leave.</summary>
internal sealed class StubEdge : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly TaskCompletionSource _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _serving = Task.CompletedTask;

    private StubEdge(Uri address)
    {
        Address = address;
        _listener.Prefixes.Add(address.ToString());
    }

    public Uri Address { get; }

    public Task Joined => _joined.Task;

    public bool Left { get; private set; }

    public static StubEdge Start(int refusals)
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        var edge = new StubEdge(new Uri($"http://127.0.0.1:{port}/"));
        edge._listener.Start();
        edge._serving = edge.ServeAsync(refusals);
        return edge;
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
    }

    private async Task ServeAsync(int refusals)
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                using var response = context.Response;
                if (refusals-- > 0)
                {
                    response.StatusCode = 401;
                    continue;
                }

                Left |= context.Request.HttpMethod == "DELETE";
                response.ContentType = "application/json";
                await response.OutputStream.WriteAsync("""{"lease_seconds":15,"in_flight":0}"""u8.ToArray());
                _joined.TrySetResult();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // It is over.
        }
    }
}
