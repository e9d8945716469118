using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Threading.Channels;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Health;
using AgentRuntime.Rpc.Tests.Interop;
using Google.Protobuf;
using Status = AgentRuntime.Rpc.Health.HealthCheckResponse.Types.ServingStatus;

namespace AgentRuntime.Rpc.Tests;

/// <summary>Both ends are ours; what python3-grpcio cannot show is shown here.</summary>
public sealed class CallTests
{
    [Fact]
    public async Task Calls_work_over_tls_and_only_with_a_trusted_certificate()
    {
        await using var host = await EchoHost.StartAsync();
        var address = new UriBuilder(host.Tls) { Host = "localhost" }.Uri;
        using var trusting = new RpcChannel(address, new()
        {
            Tls = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                    certificate?.GetCertHashString() == host.Certificate.GetCertHashString(),
            },
        });
        Assert.Equal("tls", (await trusting.UnaryAsync(EchoService.Say, new() { Text = "tls" })).Text);

        using var plain = new RpcChannel(address);
        var e = await Assert.ThrowsAsync<RpcException>(() => plain.UnaryAsync(EchoService.Say, new()));
        Assert.Equal(RpcStatusCode.Unavailable, e.Status.Code);
    }

    [Fact]
    public async Task An_error_without_messages_is_one_block_of_headers()
    {
        await using var host = await EchoHost.StartAsync();
        using var http = Http();
        using var response = await http.SendAsync(Request(host, "/interop.Echo/Absent"), default);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("12", response.Headers.GetValues("grpc-status").Single());
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
        Assert.Empty(response.TrailingHeaders);
    }

    [Theory]
    [InlineData("text/plain", "POST", 415)]
    [InlineData("application/grpc-web", "POST", 415)]
    [InlineData("application/grpc", "PUT", 405)]
    public async Task What_is_no_call_is_refused_in_http(string type, string method, int status)
    {
        await using var host = await EchoHost.StartAsync();
        using var http = Http();
        var request = Request(host, EchoService.Say.Path, type);
        request.Method = new(method);
        using var response = await http.SendAsync(request, default);
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task A_timeout_that_does_not_parse_is_refused()
    {
        await using var host = await EchoHost.StartAsync();
        using var http = Http();
        var request = Request(host, EchoService.Say.Path);
        request.Headers.TryAddWithoutValidation("grpc-timeout", "soon");
        using var response = await http.SendAsync(request, default);
        Assert.Equal("13", response.Headers.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task A_connection_that_is_not_made_in_time_leaves_the_server_unavailable()
    {
        // Takes connections and says nothing, so that TLS is never agreed on.
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        var address = new Uri($"https://127.0.0.1:{((IPEndPoint)mute.LocalEndpoint).Port}");
        using var channel = new RpcChannel(address, new() { ConnectTimeout = TimeSpan.FromMilliseconds(50) });
        var e = await Assert.ThrowsAsync<RpcException>(() => channel.UnaryAsync(EchoService.Say, new()));
        Assert.Equal(RpcStatusCode.Unavailable, e.Status.Code);
    }

    [Theory]
    [InlineData(200, RpcStatusCode.Unknown)]
    [InlineData(404, RpcStatusCode.Unimplemented)]
    [InlineData(503, RpcStatusCode.Unavailable)]
    public async Task An_answer_that_is_no_grpc_becomes_a_status(int http, RpcStatusCode code)
    {
        // The host's own server never gives one, so this one stands for a proxy before it.
        await using var proxy = await PlainAnswer.StartAsync(http);
        using var channel = new RpcChannel(proxy.Address);
        var e = await Assert.ThrowsAsync<RpcException>(() => channel.UnaryAsync(EchoService.Say, new()));
        Assert.Equal(code, e.Status.Code);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_unavailable()
    {
        // A socket that holds its port and does not listen: nobody else can come to be there.
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)closed.LocalEndPoint!).Port;
        using var channel = new RpcChannel(new Uri($"http://127.0.0.1:{port}"));
        var e = await Assert.ThrowsAsync<RpcException>(() => channel.UnaryAsync(EchoService.Say, new()));
        Assert.Equal(RpcStatusCode.Unavailable, e.Status.Code);
        await using var call = channel.Duplex(EchoService.Chat);
        Assert.False(await call.WriteAsync(new()));
    }

    [Fact]
    public async Task A_caller_that_cancels_sees_a_cancellation_and_the_service_ends()
    {
        await using var host = await EchoHost.StartAsync();
        using var channel = host.Channel();
        using var stop = new CancellationTokenSource();
        await using var call = channel.ServerStreaming(
            EchoService.Count, new() { Count = int.MaxValue, WaitMs = 1 }, cancellationToken: stop.Token);
        Assert.NotNull(await call.ReadAsync());
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (await call.ReadAsync() is not null)
            {
            }
        });
        Assert.Equal("Count", await NextAsync(host.Echo.Ended));
    }

    [Fact]
    public async Task A_deadline_ends_both_sides_even_when_nobody_reads()
    {
        var time = new SummonedTime();
        await using var host = await EchoHost.StartAsync(time: time);
        using var channel = host.Channel(time: time);
        await using var call = channel.ServerStreaming(
            EchoService.Count, new() { Count = int.MaxValue, WaitMs = 20 },
            new() { Timeout = TimeSpan.FromMilliseconds(300) });
        Assert.Equal("Count", await NextAsync(host.Echo.Begun));
        time.Pass();
        Assert.Equal("Count", await NextAsync(host.Echo.Ended));
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ReadAsync() is not null)
            {
            }
        });
        Assert.Equal(RpcStatusCode.DeadlineExceeded, e.Status.Code);
    }

    [Fact]
    public async Task Half_a_request_is_not_waited_for_without_end()
    {
        var time = new SummonedTime();
        await using var host = await EchoHost.StartAsync(time: time);
        using var http = Http();
        using var request = Request(host, EchoService.Say.Path);
        request.Content = new HalfAMessage { Headers = { ContentType = new("application/grpc") } };

        var answer = http.SendAsync(request, default);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await time.Asked.WaitAsync(deadline.Token);
        time.Pass();

        using var response = await answer.WaitAsync(deadline.Token);
        Assert.Equal("4", response.Headers.GetValues("grpc-status").Single());
        using var channel = host.Channel();
        Assert.Equal("next", (await channel.UnaryAsync(EchoService.Say, new() { Text = "next" })).Text);
    }

    [Fact]
    public async Task Calls_go_over_new_connections_and_those_under_way_go_on_over_theirs()
    {
        await using var host = await EchoHost.StartAsync();
        using var channel = host.Channel();
        await using var call = channel.ServerStreaming(EchoService.Count, new() { Count = 300, WaitMs = 1 });
        Assert.NotNull(await call.ReadAsync());
        for (var i = 0; i < 3; i++)
        {
            channel.Reconnect();
            Assert.Equal("new", (await channel.UnaryAsync(EchoService.Say, new() { Text = "new" })).Text);
        }

        for (var i = 1; i < 300; i++) Assert.Equal(i, (await call.ReadAsync())!.Number);
        Assert.Null(await call.ReadAsync());
    }

    [Fact]
    public async Task A_reader_that_stops_holds_the_service_up_instead_of_filling_memory()
    {
        await using var host = await EchoHost.StartAsync();
        using var channel = host.Channel();
        var total = 200;
        await using var call = channel.ServerStreaming(
            EchoService.Count, new() { Count = total, Payload = ByteString.CopyFrom(new byte[1 << 20]) });
        Assert.NotNull(await call.ReadAsync());
        // Nothing reads now; when reading goes on, everything is there, in order.
        for (var i = 1; i < total; i++) Assert.Equal(i, (await call.ReadAsync())!.Number);
        Assert.Null(await call.ReadAsync());
    }

    [Fact]
    public async Task A_server_that_stops_says_unavailable()
    {
        await using var host = await EchoHost.StartAsync();
        using var channel = host.Channel();
        await using var call = channel.ServerStreaming(EchoService.Count, new() { Count = int.MaxValue, WaitMs = 5 });
        Assert.NotNull(await call.ReadAsync());
        var stopping = host.StopAsync();
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ReadAsync() is not null)
            {
            }
        });
        Assert.Equal(RpcStatusCode.Unavailable, e.Status.Code);
        await stopping;
    }

    [Fact]
    public async Task A_watcher_of_health_hears_of_changes()
    {
        await using var host = await EchoHost.StartAsync();
        using var channel = host.Channel();
        await using var watch = channel.ServerStreaming(HealthService.Watch, new() { Service = "engine" });
        Assert.Equal(Status.ServiceUnknown, (await watch.ReadAsync())!.Status);
        host.Health.Set("engine", Status.Serving);
        Assert.Equal(Status.Serving, (await watch.ReadAsync())!.Status);
        host.Health.Set("engine", Status.NotServing);
        Assert.Equal(Status.NotServing, (await watch.ReadAsync())!.Status);
    }

    [Fact]
    public async Task A_request_over_the_senders_limit_is_never_sent()
    {
        await using var host = await EchoHost.StartAsync();
        using var channel = host.Channel(new() { MaxSendBytes = 100 });
        var e = await Assert.ThrowsAsync<RpcException>(
            () => channel.UnaryAsync(EchoService.Say, new() { Payload = ByteString.CopyFrom(new byte[200]) }));
        Assert.Equal(RpcStatusCode.ResourceExhausted, e.Status.Code);
    }

    private static async Task<string> NextAsync(Channel<string> calls)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await calls.Reader.ReadAsync(deadline.Token);
    }

    private static HttpMessageInvoker Http() => new(new SocketsHttpHandler());

    private static HttpRequestMessage Request(EchoHost host, string path, string type = "application/grpc") =>
        new(HttpMethod.Post, new Uri(host.Plain, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, 0])
            {
                Headers = { ContentType = new MediaTypeHeaderValue(type) },
            },
        };

    /// <summary>A message of nine bytes of which one comes.</summary>
    private sealed class HalfAMessage : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(new byte[] { 0, 0, 0, 0, 9, 8 });
            await stream.FlushAsync();
            await new TaskCompletionSource().Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    /// <summary>A clock whose timers go off when the test says that their time has passed. Thread-safe.</summary>
    private sealed class SummonedTime : TimeProvider
    {
        private readonly ConcurrentQueue<Action> _timers = new();

        /// <summary>Has a place for each timer that was asked for.</summary>
        public SemaphoreSlim Asked { get; } = new(0);

        public void Pass()
        {
            while (_timers.TryDequeue(out var timer)) timer();
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _timers.Enqueue(() => callback(state));
            Asked.Release();
            return System.CreateTimer(_ => { }, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
