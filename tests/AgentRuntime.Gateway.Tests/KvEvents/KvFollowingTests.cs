using System.Net;
using System.Net.Sockets;

namespace AgentRuntime.Gateway.Tests;

/// <summary>An engine whose KV events are not to be had.</summary>
public class KvFollowingTests
{
    private const int KvEventsLost = 4011;

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    public async Task Where_nobody_publishes_it_asks_ever_less_often_and_says_so_once(string scheme)
    {
        var time = new SteppedTime();
        var complaints = new Complaints();
        var options = new EngineRouterOptions();
        await using var desk = new RouteDesk(options, TimeProvider.System);
        var nobody = NobodysPort();
        var descriptor = new EngineDescriptor("a", new Uri($"{scheme}://127.0.0.1:{nobody}"), EngineKind.Vllm)
        {
            KvEvents = new(new Uri($"tcp://127.0.0.1:{nobody}"), null),
        };
        var engine = new Engine(descriptor, new CircuitBreaker(1, TimeSpan.FromHours(1), TimeProvider.System));
        engine.Observe(EngineHealth.Unknown with { Healthy = true });
        using var stop = new CancellationTokenSource();
        var following = scheme == "grpc"
            ? new GrpcKvEventSubscription(engine, desk, options, time, complaints).RunAsync(stop.Token)
            : new KvEventSubscription(engine, desk, options, time, complaints).RunAsync(stop.Token);

        foreach (var ms in new[] { 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000 })
        {
            var wait = TimeSpan.FromMilliseconds(ms);
            await Eventually.BecomesTrueAsync(() => time.NextTimer == wait);
            time.Advance(wait);
        }

        await stop.CancelAsync();
        await following;
        Assert.Single(complaints.Events, KvEventsLost);
    }

    private static int NobodysPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
