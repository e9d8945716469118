using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Json;
using AgentRuntime.Node.Logging;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Node.Registration;

/// <summary>
/// Registers a node with every edge, renews the leases, and on leaving drains first: each edge is told to send nothing
/// new and asked until nothing of its own is under way. An edge that cannot be reached is tried again and never stops
/// the node. Owns one task an edge.
/// </summary>
internal sealed class NodeRegistrar : IAsyncDisposable
{
    /// <summary>An edge's answer has two numbers.</summary>
    private const int MostAnswerBytes = 64 << 10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DrainPoll = TimeSpan.FromMilliseconds(100);
    private readonly HttpClient _http;
    private readonly NodeRegistrationOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly NodeOptions _node;
    private readonly string _name;
    private readonly Uri _address;
    private readonly (string? Publisher, string? Replay) _events;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _loops;

    public NodeRegistrar(
        NodeRegistrationOptions options, NodeOptions node, NodeServer server, TimeProvider time, ILogger log)
    {
        _log = log;
        _options = options;
        _node = node;
        _time = time;
        _name = server.EngineName;
        _address = options.Address ?? server.Address;
        _events = (server.Service.Events?.Endpoint, server.Service.Events?.ReplayEndpoint);
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false, UseCookies = false, UseProxy = false, ConnectTimeout = Patience,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MostAnswerBytes,
        };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", options.JoinSecret);
        _loops = [.. options.Edges.Select(edge => Task.Run(() => RenewAsync(edge)))];
    }

    /// <summary>
    /// Drains, and takes the node off every edge; at most the drain timeout later nobody waits any more.
    /// </summary>
    public async Task LeaveAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        using var deadline = new CancellationTokenSource(_options.DrainTimeout, _time);
        await Task.WhenAll(_options.Edges.Select(edge => DrainAsync(edge, deadline.Token)));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        _stop.Dispose();
        _http.Dispose();
    }

    private async Task RenewAsync(Uri edge)
    {
        while (!_stop.IsCancellationRequested)
        {
            var lease = await PutAsync(edge, draining: false, _stop.Token);
            var pause = lease is { } granted ? granted.Lease / 3 : Again;
            await Task.Delay(pause, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task DrainAsync(Uri edge, CancellationToken cancellationToken)
    {
        // The first answer may come before the edge has taken the node out: two in a row make it sure.
        var quiet = 0;
        while (!cancellationToken.IsCancellationRequested && quiet < 3)
        {
            if (await PutAsync(edge, draining: true, cancellationToken) is not { } answer)
                return; // An edge that does not answer sends nothing either.
            quiet = answer.InFlight == 0 ? quiet + 1 : 0;
            await Task.Delay(DrainPoll, _time, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        using var last = new CancellationTokenSource(Patience, _time);
        using var request = new HttpRequestMessage(HttpMethod.Delete, At(edge));
        await SendAsync(request, last.Token);
    }

    private async Task<(TimeSpan Lease, int InFlight)?> PutAsync(
        Uri edge, bool draining, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(Patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        using var request = new HttpRequestMessage(HttpMethod.Put, At(edge));
        request.Content = new ReadOnlyMemoryContent(Body(draining));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (await SendAsync(request, either.Token) is not { } answer)
            return null;

        try
        {
            using var json = JsonDocument.Parse(answer);
            var seconds = json.RootElement.GetProperty("lease_seconds").GetDouble();
            return (TimeSpan.FromSeconds(Math.Clamp(seconds, 1, 3600)),
                json.RootElement.GetProperty("in_flight").GetInt32());
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException
            or FormatException)
        {
            return null;
        }
    }

    private async Task<byte[]?> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _http.SendAsync(request, cancellationToken);
            if (response.IsSuccessStatusCode)
                return await response.Content.ReadAsByteArrayAsync(cancellationToken);
            NodeLog.RegistrationRefused(_log, request.RequestUri!.Authority, (int)response.StatusCode);
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return null;
        }
    }

    private Uri At(Uri edge) => new(edge, $"/v1/nodes/{Uri.EscapeDataString(_name)}");

    private ReadOnlyMemory<byte> Body(bool draining)
    {
        var output = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("url"u8, _address.GetLeftPart(UriPartial.Authority));
            json.WriteString("kind"u8, "node"u8);
            json.WriteStartArray("roles"u8);
            if (_node.Role != NodeRole.Decode)
                json.WriteStringValue("prefill"u8);
            if (_node.Role != NodeRole.Prefill)
                json.WriteStringValue("decode"u8);
            json.WriteEndArray();
            json.WriteNumber("max_running"u8, _node.ParallelSequences + _node.QueuedRequests);
            if (_events.Publisher is { } publisher)
                json.WriteString("kv_events"u8, OnMyHost(publisher));
            if (_events is { Publisher: not null, Replay: { } replay })
                json.WriteString("kv_replay"u8, OnMyHost(replay));
            json.WriteBoolean("draining"u8, draining);
            json.WriteEndObject();
        }

        return output.WrittenMemory;
    }

    private string OnMyHost(string endpoint) =>
        $"tcp://{_address.Host}{endpoint[endpoint.LastIndexOf(':')..]}";
}
