using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

public class HedgingTests
{
    [Fact]
    public async Task A_late_engines_request_is_answered_by_another_and_cancelled_there()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        ScriptedEngine? slow = null;
        // Which one is asked first is the router's choice.
        Task AnswerAsync(ScriptedEngine engine, HttpContext context, System.Text.Json.JsonElement body) =>
            Interlocked.CompareExchange(ref slow, engine, null) is null
                ? NeverAsync(context, body)
                : engine.AnswerWithWordsAsync(context, body);

        a.Answer = (c, body) => AnswerAsync(a, c, body);
        b.Answer = (c, body) => AnswerAsync(b, c, body);
        await using var harness = await StartAsync([a, b], Hedged);

        var answers = await harness.AskAsync();

        Assert.Equal("Hello, world", TextOf(answers));
        Assert.Equal(slow == a ? "b" : "a", answers[0].ServedBy!.DecodeEngine);
        Assert.Equal(new InferenceUsage(new(10), new(4), new(3)), answers[^1].Usage);
        await slow!.ClientGone.Task.WaitAsync(Eventually.Patience);
        await Eventually.BecomesTrueAsync(() => harness.Router.Engines.All(e => e.InFlight == 0));
        Assert.All(harness.Router.Engines, e => Assert.True(e.CircuitClosed));
    }

    [Fact]
    public async Task The_first_engine_wins_when_it_answers_while_the_second_is_asked()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = 0;
        async Task AnswerAsync(ScriptedEngine engine, HttpContext context, System.Text.Json.JsonElement body)
        {
            if (Interlocked.Increment(ref asked) == 2)
            {
                release.TrySetResult();
                await NeverAsync(context, body);
            }

            await release.Task;
            await engine.AnswerWithWordsAsync(context, body);
        }

        a.Answer = (c, body) => AnswerAsync(a, c, body);
        b.Answer = (c, body) => AnswerAsync(b, c, body);
        await using var harness = await StartAsync([a, b], Hedged);

        var chunks = await harness.AskAsync();

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Equal(2, asked);
        await Eventually.BecomesTrueAsync(() => harness.Router.Engines.All(e => e.InFlight == 0));
    }

    [Fact]
    public async Task Nothing_is_asked_twice_unless_it_is_configured()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        async Task LateAsync(ScriptedEngine engine, HttpContext context, System.Text.Json.JsonElement body)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(150), TimeProvider.System);
            await engine.AnswerWithWordsAsync(context, body);
        }

        a.Answer = (c, body) => LateAsync(a, c, body);
        b.Answer = (c, body) => LateAsync(b, c, body);
        await using var harness = await StartAsync([a, b]);

        await harness.AskAsync();

        Assert.Equal(1, a.Seen.Count + b.Seen.Count);
    }

    [Fact]
    public async Task When_both_fail_a_third_attempt_follows_the_first_failure()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        var seen = 0;
        async Task FailTwiceAsync(ScriptedEngine engine, HttpContext context, System.Text.Json.JsonElement body)
        {
            if (Interlocked.Increment(ref seen) > 2)
            {
                await engine.AnswerWithWordsAsync(context, body);
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
            await ScriptedEngine.RefuseAsync(context, 500);
        }

        a.Answer = (c, body) => FailTwiceAsync(a, c, body);
        b.Answer = (c, body) => FailTwiceAsync(b, c, body);
        await using var harness = await StartAsync([a, b], Hedged);

        Assert.Equal("Hello, world", TextOf(await harness.AskAsync()));
        await Eventually.BecomesTrueAsync(() => harness.Router.Engines.All(e => e.InFlight == 0));
    }

    [Fact]
    public async Task A_second_engine_that_is_not_there_costs_no_retry()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync([a]);
        var (time, retries) = (new SteppedTime(), new RetryBudget(ratio: 0, burst: 1));
        var options = Hedged(new EngineRouterOptions());
        var desk = harness.Router.Desk;
        var parts = new RouterParts(
            options, null!, harness.Router.Pool, desk, null!, null!, null!, null!, time, NullLogger.Instance);
        Assert.True(desk.TryFind("m", out var home));
        var route = new RouteRequest { Pool = home.Pool, Tenant = Acme.Tenant, PromptTokens = 10 };
        var placement = await desk.SubmitAsync(route, adapter: null, CancellationToken.None);
        var answer = new TaskCompletionSource<DecodeLeg>(TaskCreationOptions.RunContinuationsAsynchronously);
        var starting = new HedgedStart(parts, retries, (_, _) => answer.Task, "r").RunAsync(
            placement, route, adapter: null, CancellationToken.None);

        time.Advance(options.HedgeAfter!.Value);
        answer.SetException(EngineFailure.TimedOut(placement.Decode, "first token"));

        await Assert.ThrowsAsync<EngineFailure>(() => starting);
        Assert.True(retries.TryWithdraw());
        desk.Failed(placement, RouteFailure.EngineError, outputTokens: 0);
    }

    private static EngineRouterOptions Hedged(EngineRouterOptions options) =>
        options with { HedgeAfter = TimeSpan.FromMilliseconds(40) };

    private static async Task NeverAsync(HttpContext context, System.Text.Json.JsonElement body) =>
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
}
