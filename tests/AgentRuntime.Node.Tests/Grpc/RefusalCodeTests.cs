using System.Net;
using System.Net.Http.Headers;
using AgentRuntime.Node.Events;
using AgentRuntime.Node.Grpc;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Health;
using AgentRuntime.Rpc.Server;

namespace AgentRuntime.Node.Tests.Grpc;

/// <summary>Whatever a call over gRPC ends with, the reason code travels beside the status.</summary>
public sealed class RefusalCodeTests(GrpcNode fixture) : IClassFixture<GrpcNode>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private const string Generate = "vllm.grpc.engine.VllmEngine/Generate";

    public static TheoryData<string, byte[], RpcStatusCode, string> Requests => new()
    {
        // A length that is never waited for, a flag that means nothing, half a message, no message, two, none of these.
        { Generate, [0, 0x7F, 0xFF, 0xFF, 0xFF], RpcStatusCode.ResourceExhausted, "AR1003" },
        { Generate, [7, 0, 0, 0, 0], RpcStatusCode.Internal, "AR1004" },
        { Generate, [0, 0, 0, 0, 9, 1], RpcStatusCode.Internal, "AR1004" },
        { Generate, [0, 0, 0, 0, 1, 0xFF], RpcStatusCode.Internal, "AR1004" },
        { Generate, [], RpcStatusCode.Unimplemented, "AR1010" },
        { "vllm.grpc.engine.VllmEngine/Nothing", [0, 0, 0, 0, 0], RpcStatusCode.Unimplemented, "AR1010" },
        { "grpc.health.v1.Health/Check", [0, 0, 0, 0, 3, 10, 1, 120], RpcStatusCode.NotFound, "AR1005" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task What_the_protocol_refuses_has_a_code(string path, byte[] body, RpcStatusCode status, string code)
    {
        var trailers = await PostAsync(path, body);
        Assert.Equal((((int)status).ToString(), code), (Value(trailers, "grpc-status"), Value(trailers, Code)));
    }

    [Theory]
    [InlineData("grpc-encoding", "snappy", RpcStatusCode.Unimplemented, "AR1010")]
    [InlineData("grpc-timeout", "soon", RpcStatusCode.Internal, "AR1004")]
    public async Task What_its_headers_ask_for_in_vain_has_a_code(
        string name, string value, RpcStatusCode status, string code)
    {
        var trailers = await PostAsync("vllm.grpc.engine.VllmEngine/HealthCheck", [0, 0, 0, 0, 0], (name, value));
        Assert.Equal((((int)status).ToString(), code), (Value(trailers, "grpc-status"), Value(trailers, Code)));
    }

    [Fact]
    public async Task A_deadline_has_a_code()
    {
        var trailers = await PostAsync(
            "vllm.grpc.engine.VllmEngine/SubscribeKvEvents", [0, 0, 0, 0, 0], ("grpc-timeout", "1m"));
        Assert.Equal(("4", "AR4005"), (Value(trailers, "grpc-status"), Value(trailers, Code)));
    }

    [Fact]
    public async Task A_subscriber_that_cannot_be_served_is_told_with_a_code()
    {
        var log = new KvEventLog(16, TimeProvider.System);
        for (var i = 0; i <= KvEventLog.KeptBatches + 1; i++) Publish(log);
        var late = await Assert.ThrowsAsync<RpcException>(
            () => new KvEventSubscription().ServeAsync(log, 1, new Responses(), CancellationToken.None));
        Assert.Equal((RpcStatusCode.OutOfRange, "AR1005"), (late.Status.Code, late.Trailers.Text(Code)));

        // While the first is being sent, more come than are kept for anybody.
        var slow = await Assert.ThrowsAsync<RpcException>(() => new KvEventSubscription().ServeAsync(
            log, ulong.MaxValue, new Responses(() =>
            {
                for (var i = 0; i <= KvEventLog.KeptBatches + 1; i++) Publish(log);
            }), CancellationToken.None));
        Assert.Equal((RpcStatusCode.ResourceExhausted, "AR4009"), (slow.Status.Code, slow.Trailers.Text(Code)));
    }

    [Fact]
    public async Task A_node_that_stops_says_so_with_a_code()
    {
        await using var node = await DemoNode.StartAsync(o => o with { GrpcPort = 0 });
        using var channel = new RpcChannel(node.GrpcAddress!);
        await using var call = channel.ServerStreaming(HealthService.Watch, new HealthCheckRequest());
        Assert.NotNull(await call.ReadAsync());
        var stopping = node.StopAsync();
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ReadAsync().AsTask().WaitAsync(Patience));
        await stopping;
        Assert.Equal((RpcStatusCode.Unavailable, "AR4003"), (e.Status.Code, e.Trailers.Text(Code)));
    }

    [Fact]
    public async Task Watchers_that_are_too_many_are_told_that_there_are()
    {
        await using var node = await DemoNode.StartAsync(o => o with { GrpcPort = 0 });
        using var channel = new RpcChannel(node.GrpcAddress!);
        var calls = new List<RpcCall<HealthCheckRequest, HealthCheckResponse>>();
        try
        {
            var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            {
                while (calls.Count < 2000)
                {
                    calls.Add(channel.ServerStreaming(HealthService.Watch, new HealthCheckRequest()));
                    await calls[^1].ReadAsync().AsTask().WaitAsync(Patience);
                }
            });
            Assert.Equal(
                (RpcStatusCode.ResourceExhausted, "AR4009"), (refused.Status.Code, refused.Trailers.Text(Code)));
        }
        finally
        {
            foreach (var call in calls) await call.DisposeAsync();
        }
    }

    private const string Code = RpcRefusal.CodeTrailer;

    private static void Publish(KvEventLog log)
    {
        log.Cleared();
        log.Flush();
    }

    private static string? Value(HttpHeaders headers, string name) =>
        headers.TryGetValues(name, out var values) ? values.Single() : null;

    /// <summary>Posts the bytes of a call as they are; what ends it is in the headers where nothing came.</summary>
    private async Task<HttpHeaders> PostAsync(string path, byte[] body, params (string Name, string Value)[] headers)
    {
        using var http = new HttpClient { BaseAddress = fixture.Node.GrpcAddress, Timeout = Patience };
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new("application/grpc");
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await http.SendAsync(request);
        await response.Content.ReadAsByteArrayAsync();
        return response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders;
    }
}

/// <summary>Takes what a method writes.</summary>
internal sealed class Responses(Action? started = null) : IRpcWriter<Rpc.Vllm.KvEventBatch>
{
    public ValueTask WriteAsync(Rpc.Vllm.KvEventBatch response) => ValueTask.CompletedTask;

    public ValueTask SendHeadersAsync()
    {
        started?.Invoke();
        return ValueTask.CompletedTask;
    }
}

/// <summary>A node with gRPC.</summary>
public sealed class GrpcNode : IAsyncLifetime
{
    internal NodeServer Node { get; private set; } = null!;

    public async Task InitializeAsync() => Node = await DemoNode.StartAsync(o => o with { GrpcPort = 0 });

    public async Task DisposeAsync() => await Node.DisposeAsync();
}
