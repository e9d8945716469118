using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Rpc.Server;
using AgentRuntime.Rpc.Vllm;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

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

    /// <summary>A letter is a token; every prompt is the text "hi".</summary>
    private sealed class Letters : IModelTokenizer
    {
        public int[] Tokenize(InferenceOperation operation, ReadOnlyMemory<byte> body) => TokenizeText("hi");

        public int[] TokenizeText(string text) => [.. text.Select(c => (int)c)];

        public ReadOnlyMemory<byte> BytesOf(int token) => new[] { (byte)token };
    }

    /// <summary>Answers every prompt with itself.</summary>
    private sealed class ForeignEngine(WebApplication app, List<GenerateRequest> requests) : IAsyncDisposable
    {
        public IReadOnlyList<GenerateRequest> Requests => requests;

        public Uri Address => new($"grpc://127.0.0.1:{new Uri(app.Urls.First()).Port}");

        public static async Task<ForeignEngine> StartAsync(
            string? sum = null, string? handoff = null, bool isEndless = false)
        {
            var requests = new List<GenerateRequest>();
            var archive = Archive();
            var server = new RpcServer()
                .Unary(VllmEngine.HealthCheck, (_, _) => Task.FromResult(new HealthCheckResponse { Healthy = true }))
                .Unary(VllmEngine.GetModelInfo, (_, _) => Task.FromResult(new GetModelInfoResponse
                {
                    ServedModelName = "m", MaxContextLength = 1000,
                }))
                .Unary(VllmEngine.GetServerInfo, (_, _) => Task.FromResult(new GetServerInfoResponse()))
                .Unary(VllmEngine.GetLoads, (_, _) => Task.FromResult(new GetLoadsResponse()))
                .ServerStreaming(VllmEngine.GetTokenizer, async (_, responses, _) => await responses.WriteAsync(new()
                {
                    Data = ByteString.CopyFrom(archive),
                    Sha256 = sum ?? Convert.ToHexStringLower(SHA256.HashData(archive)),
                }))
                .ServerStreaming(VllmEngine.Generate, async (request, responses, _) =>
                {
                    requests.Add(request);
                    while (isEndless)
                        await responses.WriteAsync(new() { Chunk = new() });
                    await responses.WriteAsync(new()
                    {
                        Chunk = new() { TokenIds = { request.Tokenized.InputIds } },
                    });
                    var complete = new GenerateComplete
                    {
                        FinishReason = "stop", PromptTokens = 2, CompletionTokens = 2,
                    };
                    if (handoff is not null)
                        complete.KvTransferParamsJson = handoff;
                    await responses.WriteAsync(new() { Complete = complete });
                });
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(k =>
                k.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
            var app = builder.Build();
            app.UseRpc(server);
            await app.StartAsync();
            return new(app, requests);
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();

        private static byte[] Archive()
        {
            using var buffer = new MemoryStream();
            using (var zip = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
            using (var entry = zip.CreateEntry("tokenizer.gguf").Open())
                entry.Write(Encoding.UTF8.GetBytes("stands for a vocabulary"));
            return buffer.ToArray();
        }
    }
}
