using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Requests are worked on where their bytes came in (decision 0423): what that must not mean.</summary>
public sealed class SchedulingTests
{
    [Fact]
    public async Task A_request_is_worked_on_where_its_bytes_came_in()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);
        Assert.True(edge.Service<IOptions<SocketTransportOptions>>().Value.UnsafePreferInlineScheduling);
    }

    [Fact]
    public async Task Requests_that_hold_their_threads_hold_up_no_other()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);
        using var release = new ManualResetEventSlim();
        using var held = new CountdownEvent(Environment.ProcessorCount + 1);
        edge.Ports.Asked = key =>
        {
            if (key != MemoryPorts.GlobexKey)
                return;
            held.Signal();
            release.Wait(Eventually.Patience);
        };
        edge.UseKey(MemoryPorts.GlobexKey);
        var stuck = Enumerable.Range(0, held.InitialCount).Select(_ => edge.ChatAsync()).ToArray();
        await Task.Run(() => Assert.True(held.Wait(Eventually.Patience)));

        edge.UseKey(MemoryPorts.AcmeKey);
        for (var i = 0; i < 3; i++)
        {
            using var answer = await edge.ChatAsync();
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        Assert.All(stuck, s => Assert.False(s.IsCompleted));
        release.Set();
        foreach (var request in stuck)
        {
            using var answer = await request;
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }
}
