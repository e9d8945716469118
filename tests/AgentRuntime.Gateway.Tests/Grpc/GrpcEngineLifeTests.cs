using System.Net;
using System.Net.Sockets;
using AgentRuntime.Rpc.Server;
using AgentRuntime.Rpc.Vllm;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>How long an engine behind gRPC is one and the same, and is known at all.</summary>
public class GrpcEngineLifeTests
{
    [Fact]
    public async Task An_engine_is_restarted_when_it_starts_anew_and_not_when_clocks_step_or_round()
    {
        var time = new SteppedTime();
        var uptime = 97.8;
        await using var app = await ServeAsync(new RpcServer()
            .Unary(VllmEngine.GetServerInfo, (_, _) => Task.FromResult(
                new GetServerInfoResponse { UptimeSeconds = Math.Floor(uptime) }))
            .Unary(VllmEngine.GetLoads, (_, _) => Task.FromResult(
                new GetLoadsResponse { Loads = { new SchedulerLoad() } })));
        using var client = new EngineClient(new EngineRouterOptions(), time);
        var address = new UriBuilder(app.Urls.Single()) { Scheme = "grpc" }.Uri;
        var engine = new Engine(
            new EngineDescriptor("a", address, EngineKind.Vllm), new CircuitBreaker(1, TimeSpan.FromHours(1), time));
        var life = await LifeAsync();

        for (var i = 0; i < 20; i++)
        {
            time.Advance(TimeSpan.FromSeconds(0.5));
            uptime += 0.5;
            Assert.False((await LifeAsync()).IsAnother(than: life));
        }

        time.StepWallClock(TimeSpan.FromHours(1));
        Assert.False((await LifeAsync()).IsAnother(than: life));
        uptime = 1;
        var next = await LifeAsync();
        Assert.True(next.IsAnother(than: life));
        Assert.False((await LifeAsync()).IsAnother(than: next));

        async Task<EngineLife> LifeAsync() => (await client.LoadAsync(engine, CancellationToken.None))!.Value.Life;
    }

    [Fact]
    public void Clocks_that_drift_apart_make_no_new_process()
    {
        var start = new ProcessStart();
        for (var i = 0; i < 1_000; i++)
            Assert.False(start.Observe(-100 + (i * 0.1), -99.9 + (i * 0.1)));
        Assert.Equal(-99.9, start.At);

        Assert.True(start.Observe(50, 50.1));
        Assert.Equal(50.1, start.At);
    }

    [Fact]
    public async Task Connections_end_with_the_last_engine_at_their_address()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = new Uri($"grpc://{listener.LocalEndpoint}");
        await using var router = new EngineRouter(
            new EngineRouterOptions
            {
                // Nobody answers: each probe is some bytes and ends.
                ProbeInterval = TimeSpan.FromMilliseconds(20),
                ProbeTimeout = TimeSpan.FromMilliseconds(20),
            },
            TimeProvider.System);
        var adding = Task.WhenAll(
            router.AddEngineAsync(new("a", address, EngineKind.Vllm), CancellationToken.None),
            router.AddEngineAsync(new("b", address, EngineKind.Vllm), CancellationToken.None));
        var (read, open) = (0, 0);
        using var stop = new CancellationTokenSource();
        var accepting = AcceptAsync();
        await adding;

        Assert.True(await router.RemoveEngineAsync("a", CancellationToken.None));
        var before = Volatile.Read(ref read);
        await Eventually.BecomesTrueAsync(() => Volatile.Read(ref read) > before + 1_000);
        Assert.True(await router.RemoveEngineAsync("b", CancellationToken.None));

        await Eventually.BecomesTrueAsync(() => Volatile.Read(ref open) == 0);
        Assert.False(listener.Pending());
        await stop.CancelAsync();
        await accepting;

        // One that is silent for two probes is given up for another.
        async Task AcceptAsync()
        {
            var readers = new List<Task>();
            try
            {
                while (true)
                {
                    var connection = await listener.AcceptSocketAsync(stop.Token);
                    Interlocked.Increment(ref open);
                    readers.Add(ReadAsync(connection));
                }
            }
            catch (OperationCanceledException)
            {
                await Task.WhenAll(readers);
            }
        }

        async Task ReadAsync(Socket connection)
        {
            using (connection)
            {
                var buffer = new byte[4096];
                while (await connection.ReceiveAsync(buffer) is var count and > 0)
                    Interlocked.Add(ref read, count);
            }

            Interlocked.Decrement(ref open);
        }
    }

    private static async Task<WebApplication> ServeAsync(RpcServer server)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.UseRpc(server);
        await app.StartAsync();
        return app;
    }
}
