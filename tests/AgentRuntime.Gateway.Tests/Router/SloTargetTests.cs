using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway.Tests;

/// <summary>The service class that a tenant's bundle gives its work is the one that the router keeps to.</summary>
public sealed class SloTargetTests
{
    [Fact]
    public async Task A_request_waits_for_an_engine_no_longer_than_its_class_says()
    {
        await using var engine = await ScriptedEngine.StartAsync("e");
        var arrived = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        engine.Answer = async (context, body) =>
        {
            arrived.TrySetResult();
            await release.Task;
            await engine.AnswerWithWordsAsync(context, body);
        };
        var patient = RouterHarness.Identity("globex");
        await using var router = await RouterHarness.StartAsync(
            [engine],
            options => options with
            {
                Engines = [engine.Descriptor with { MaxRunning = 1 }],
                SloTargets = new Targets(identity => identity.TenantName == "acme"
                    ? new("chat", 0)
                    {
                        TimeToFirstToken = TimeSpan.FromMilliseconds(50), Deadline = TimeSpan.FromMilliseconds(200),
                    }
                    : null),
            });
        var first = router.AskAsync(RouterHarness.Chat(identity: patient));
        await arrived.Task;
        var waiting = router.AskAsync(RouterHarness.Chat(identity: patient));

        var refused = await router.RefusedAsync();

        Assert.Equal(ReasonCodes.Saturated, refused.Code);
        Assert.False(waiting.IsCompleted);
        release.SetResult();
        Assert.Equal("Hello, world", RouterHarness.TextOf(await first));
        Assert.Equal("Hello, world", RouterHarness.TextOf(await waiting));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    public void Work_is_ordered_among_the_class_of_the_nearest_priority(int priority, int expected) =>
        Assert.Equal(expected, RouteRequests.ClassOf(priority, new RoutingOptions().Classes));

    private sealed class Targets(Func<WorkIdentity, SloTarget?> find) : ISloTargetSource
    {
        public SloTarget? Find(WorkIdentity identity) => find(identity);
    }
}
