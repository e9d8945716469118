using AgentRuntime.Abstractions;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Metadata;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>An engine that speaks VllmEngine as others do: it has never heard of a salt.</summary>
public sealed class ForeignEngineTests
{
    [Fact]
    public async Task A_salted_request_never_reaches_an_engine_that_would_drop_the_salt()
    {
        await using var engine = await ForeignEngine.StartAsync();
        await using var router = await RouterAsync(engine, EngineKind.Vllm);
        Assert.True(router.Router.Engines[0].Healthy);
        var error = await router.RefusedAsync();
        Assert.Contains("cache_salt", error.Message, StringComparison.Ordinal);
        Assert.Empty(engine.Requests);
    }

    [Fact]
    public async Task An_engine_that_is_described_without_salts_is_sent_none()
    {
        await using var engine = await ForeignEngine.StartAsync();
        await using var router = await RouterAsync(engine, EngineKind.OpenAi);
        var chunks = await router.AskAsync(RouterHarness.Chat("hi", ""","temperature":0"""));
        Assert.Equal("hi", RouterHarness.TextOf(chunks));
        var request = Assert.Single(engine.Requests);
        Assert.False(request.HasCacheSalt);
        // proto3's zeros are not the defaults: what was not said is said.
        Assert.Equal(0, request.SamplingParams.Temperature);
        Assert.True(request.SamplingParams.HasTemperature);
        Assert.Equal(1, request.SamplingParams.TopP);
        Assert.Equal(1, request.SamplingParams.RepetitionPenalty);
        Assert.Equal(2, chunks[^1].Usage!.Output.Value);
    }

    [Theory]
    [InlineData(""","stop":["\ud800"]""")]
    [InlineData(""","logit_bias":{"\ud800":1}""")]
    public async Task A_text_that_is_no_unicode_is_the_clients_mistake(string more)
    {
        await using var engine = await ForeignEngine.StartAsync();
        await using var router = await RouterAsync(engine, EngineKind.OpenAi);
        Assert.Equal(ReasonCodes.EngineRefused, (await router.RefusedAsync(RouterHarness.Chat("hi", more))).Code);
        Assert.True(router.Router.Engines[0] is { CircuitClosed: true, InFlight: 0 });
        Assert.Empty(engine.Requests);
    }

    [Fact]
    public async Task What_an_engine_hands_over_unreadably_is_not_the_clients_mistake()
    {
        await using var prefill = await ForeignEngine.StartAsync(handoff: "{");
        await using var decode = await ForeignEngine.StartAsync();
        await using var router = await RouterAsync(
            Disaggregation.Always,
            new("p", prefill.Address, EngineKind.Vllm) { Roles = EngineRoles.Prefill, SharedCache = true },
            new("d", decode.Address, EngineKind.Vllm) { Roles = EngineRoles.Decode, SharedCache = true });
        var chunks = await router.AskAsync();
        Assert.Equal("hi", RouterHarness.TextOf(chunks));
        Assert.Equal(new ServedBy("d", "d"), chunks[0].ServedBy);
        Assert.Single(prefill.Requests);
    }

    [Fact]
    public async Task An_engine_that_says_nothing_without_end_has_failed()
    {
        await using var engine = await ForeignEngine.StartAsync(isEndless: true);
        await using var router = await RouterAsync(engine, EngineKind.OpenAi);
        var refused = await router.RefusedAsync().WaitAsync(Eventually.Patience);
        Assert.Equal(ReasonCodes.EngineFailed, refused.Code);
        Assert.Equal(0, router.Router.Engines[0].InFlight);
    }

    [Fact]
    public async Task An_engine_whose_archive_is_not_what_its_sum_says_is_not_used()
    {
        await using var engine = await ForeignEngine.StartAsync(sum: new string('0', 64));
        await using var router = await RouterAsync(engine, EngineKind.Vllm);
        Assert.False(router.Router.Engines[0].Healthy);
    }

    [Theory]
    [InlineData(EngineKind.Node, "AR4009")]
    [InlineData(EngineKind.OpenAi, "AR4003")]
    public async Task What_an_engine_says_of_its_failure_in_mid_stream_is_told_as_over_http(
        EngineKind kind, string code)
    {
        await using var engine = await ForeignEngine.StartAsync(
            serverType: "agentruntime-node",
            failure: new(
                new(RpcStatusCode.Internal, "the device is gone"),
                new RpcMetadata().Add("x-agentruntime-code", "AR4009")));
        await using var router = await RouterAsync(engine, kind);
        var chunks = new List<InferenceChunk>();

        var failed = await Assert.ThrowsAsync<RuntimeErrorException>(async () =>
        {
            await foreach (var chunk in router.Router.GenerateAsync(RouterHarness.Chat(), CancellationToken.None))
                chunks.Add(chunk);
        });

        Assert.Equal("hi", RouterHarness.TextOf(chunks));
        Assert.Equal((code, "the device is gone"), (failed.Error.Code.ToString(), failed.Error.Message));
        Assert.Equal(0, router.Router.Engines[0].InFlight);
    }

    private static Task<RouterHarness> RouterAsync(ForeignEngine engine, EngineKind kind) =>
        RouterAsync(Disaggregation.Never, new EngineDescriptor("foreign", engine.Address, kind));

    private static async Task<RouterHarness> RouterAsync(Disaggregation mode, params EngineDescriptor[] engines)
    {
        var options = new EngineRouterOptions
        {
            Engines = engines,
            Disaggregation = mode,
            ProbeTimeout = Eventually.Patience,
            ConnectTimeout = Eventually.Patience,
            VocabularyLoader = _ => new Letters(),
        };
        var router = new EngineRouter(options, TimeProvider.System);
        await router.StartAsync(CancellationToken.None);
        return new RouterHarness(router);
    }
}
