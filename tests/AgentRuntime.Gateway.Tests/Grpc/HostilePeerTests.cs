using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>Engines behind gRPC that keep to HTTP/2 as badly as a broken or hostile one can.</summary>
public sealed class HostilePeerTests
{
    [Theory]
    [InlineData(nameof(FrameFault.Mute))]
    [InlineData(nameof(FrameFault.Reset))]
    [InlineData(nameof(FrameFault.Refuse))]
    [InlineData(nameof(FrameFault.Die))]
    [InlineData(nameof(FrameFault.Ping))]
    [InlineData(nameof(FrameFault.EndlessHeaders))]
    [InlineData(nameof(FrameFault.HalfThenSilence))]
    [InlineData(nameof(FrameFault.HalfThenEnd))]
    [InlineData(nameof(FrameFault.TooLong))]
    [InlineData(nameof(FrameFault.Compressed))]
    public async Task What_fails_before_its_first_token_is_answered_by_another(string fault)
    {
        await using var bad = await ForeignEngine.StartAsync();
        await using var proxy = new FrameProxy(bad.Address);
        await using var router = await RouterAsync(proxy);
        await using var good = await ForeignEngine.StartAsync();
        var isThere = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bad.Held = isThere.Task;
        var answers = Task.Run(() => router.AskAsync());
        await Eventually.BecomesTrueAsync(() => bad.Requests.Count > 0);
        await router.Router.AddEngineAsync(new("good", good.Address, EngineKind.OpenAi), CancellationToken.None);
        proxy.Fault = Enum.Parse<FrameFault>(fault);
        isThere.SetResult();

        var chunks = await answers.WaitAsync(Eventually.Patience);

        Assert.Equal("hi", RouterHarness.TextOf(chunks));
        Assert.Equal(new ServedBy("good", "good"), chunks[0].ServedBy);
        await RecoversAsync(router, proxy, bad);
    }

    [Theory]
    [InlineData(nameof(FrameFault.Reset), "AR4004")]
    [InlineData(nameof(FrameFault.Refuse), "AR4004")]
    [InlineData(nameof(FrameFault.Die), "AR4004")]
    [InlineData(nameof(FrameFault.Ping), "AR4004")]
    [InlineData(nameof(FrameFault.Mute), "AR4005")]
    [InlineData(nameof(FrameFault.EndlessHeaders), "AR4004")]
    [InlineData(nameof(FrameFault.HalfThenSilence), "AR4005")]
    [InlineData(nameof(FrameFault.HalfThenEnd), "AR4004")]
    [InlineData(nameof(FrameFault.TooLong), "AR4004")]
    [InlineData(nameof(FrameFault.Compressed), "AR4004")]
    public async Task What_fails_in_mid_stream_ends_with_an_error(string fault, string code)
    {
        await using var bad = await ForeignEngine.StartAsync();
        await using var proxy = new FrameProxy(bad.Address) { InMidStream = true };
        await using var router = await RouterAsync(proxy);
        proxy.Fault = Enum.Parse<FrameFault>(fault);

        var failed = await Assert.ThrowsAsync<RuntimeErrorException>(() => TextAsync(router, bad))
            .WaitAsync(Eventually.Patience);

        Assert.Equal(code, failed.Error.Code.ToString());
        await RecoversAsync(router, proxy, bad);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_server_that_goes_away_when_it_has_finished_costs_nothing(bool inMidStream)
    {
        await using var engine = await ForeignEngine.StartAsync();
        await using var proxy = new FrameProxy(engine.Address) { InMidStream = inMidStream };
        await using var router = await RouterAsync(proxy);
        proxy.Fault = FrameFault.Drain;

        for (var i = 0; i < 3; i++)
            Assert.Equal("hi", await TextAsync(router, engine).WaitAsync(Eventually.Patience));

        Assert.Equal(3, engine.Requests.Count);
        await RecoversAsync(router, proxy, engine);
    }

    /// <summary>The text of an answer whose end is sent when the text has been got.</summary>
    private static async Task<string> TextAsync(RouterHarness router, ForeignEngine engine)
    {
        var got = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.EndHeld = got.Task;
        var text = "";
        await foreach (var chunk in router.Router.GenerateAsync(RouterHarness.Chat(), CancellationToken.None))
        {
            text += chunk.Text;
            if (text.Length > 0) got.TrySetResult();
        }

        return text;
    }

    /// <summary>Nothing is under way any more, and what works again is used again.</summary>
    private static async Task RecoversAsync(RouterHarness router, FrameProxy proxy, ForeignEngine engine)
    {
        await Eventually.BecomesTrueAsync(() => router.Router.Engines.All(e => e.InFlight == 0));
        proxy.Fault = FrameFault.None;
        engine.EndHeld = Task.CompletedTask;
        if (router.Router.Engines.Count > 1) await router.Router.RemoveEngineAsync("good", CancellationToken.None);
        var before = engine.Requests.Count;
        await Eventually.SucceedsAsync(async () =>
            Assert.Equal("hi", RouterHarness.TextOf(await router.AskAsync().WaitAsync(Eventually.Patience))));
        Assert.True(engine.Requests.Count > before);
        Assert.All(router.Router.Engines, e => Assert.Equal(0, e.InFlight));
    }

    private static async Task<RouterHarness> RouterAsync(FrameProxy proxy)
    {
        var router = new EngineRouter(
            new EngineRouterOptions
            {
                Engines = [new("bad", proxy.Address, EngineKind.OpenAi)],
                Disaggregation = Disaggregation.Never,
                ProbeInterval = TimeSpan.FromMilliseconds(100),
                ProbeTimeout = TimeSpan.FromSeconds(2),
                FirstTokenTimeout = TimeSpan.FromSeconds(2),
                BetweenTokensTimeout = TimeSpan.FromSeconds(1),
                CircuitFailures = 1_000,
                VocabularyLoader = _ => new Letters(),
            },
            TimeProvider.System);
        await router.StartAsync(CancellationToken.None);
        // On a busy machine its first probe may be late.
        await Eventually.BecomesTrueAsync(() => router.Engines.All(e => e.Healthy));
        return new RouterHarness(router);
    }
}
