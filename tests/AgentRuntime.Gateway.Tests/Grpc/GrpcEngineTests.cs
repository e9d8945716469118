using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Node;
using AgentRuntime.Node.Prompting;
using Xunit.Abstractions;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>The router before nodes that it speaks to over gRPC, and beside them the same nodes over HTTP.</summary>
public sealed class GrpcEngineTests(ITestOutputHelper output) : IDisposable
{
    private const string Greedy = ""","temperature":0,"ignore_eos":true""";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("agentruntime-grpc-");
    private string? _model;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task An_answer_over_grpc_is_that_over_http()
    {
        if (Missing()) return;
        await using var node = await NodeAsync();
        await using var grpc = await RouterAsync(OverGrpc("grpc", node));
        await using var http = await RouterAsync(OverHttp("http", node));
        var status = Assert.Single(grpc.Router.Engines);
        Assert.True(status.Healthy);
        Assert.Equal(["m"], status.Models);

        foreach (var more in new[] { Greedy, ""","temperature":1,"seed":7,"ignore_eos":true""", Greedy + ""","n":2""" })
        {
            var request = RouterHarness.Chat("the order of the river", more, 48);
            var (one, other) = (await grpc.AskAsync(request), await http.AskAsync(request));
            Assert.Equal(RouterHarness.TextOf(other), RouterHarness.TextOf(one));
            Assert.Equal(Last(other).PromptTokens, Last(one).PromptTokens);
            Assert.Equal(Last(other).OutputTokens, Last(one).OutputTokens);
        }

        var text = new InferenceRequest(
            RouterHarness.Acme, "m", InferenceOperation.Completion,
            Encoding.UTF8.GetBytes($$"""{"model":"m","prompt":"the green stone"{{Greedy}},"stop":["e"]}"""), 40);
        Assert.Equal(RouterHarness.TextOf(await http.AskAsync(text)), RouterHarness.TextOf(await grpc.AskAsync(text)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_too_large_for_an_engine_is_refused_and_no_engine_is_said_to_be_full(bool isGrpc)
    {
        if (Missing()) return;
        await using var node = await NodeAsync(change: o => o with { MaxBody = new(2000) });
        await using var router = await RouterAsync(isGrpc ? OverGrpc("e", node) : OverHttp("e", node));
        var words = string.Concat(Enumerable.Repeat("river stone ", 700));

        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => router.AskAsync(RouterHarness.Chat(words, Greedy, 4)));

        Assert.Equal(ReasonCodes.EngineRefused, e.Error.Code);
        Assert.True(router.Router.Engines[0].CircuitClosed);
    }

    [Fact]
    public async Task A_caller_that_leaves_frees_the_engine()
    {
        if (Missing()) return;
        await using var node = await NodeAsync();
        await using var router = await RouterAsync(OverGrpc("grpc", node));
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var chunk in router.Router.GenerateAsync(
                RouterHarness.Chat("go on", Greedy, 1900), stop.Token))
            {
                if (chunk.Text.Length > 0) await stop.CancelAsync();
            }
        });
        using var http = new HttpClient { BaseAddress = node.Address };
        await EventuallyAsync(async () => (await http.GetStringAsync("/metrics")).Contains(
            "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 0", StringComparison.Ordinal));
        await Eventually.BecomesTrueAsync(() => router.Router.Engines[0].InFlight == 0);
    }

    [Fact]
    public async Task Prefill_and_decode_meet_over_grpc()
    {
        if (Missing()) return;
        await using var prefill = await NodeAsync();
        await using var decode = await NodeAsync();
        var engines = new[]
        {
            OverGrpc("p", prefill) with { Roles = EngineRoles.Prefill },
            OverGrpc("d", decode) with { Roles = EngineRoles.Decode },
        };
        await using var router = await RouterAsync(o => o with { Disaggregation = Disaggregation.Always }, engines);
        await using var alone = await RouterAsync(OverGrpc("alone", prefill));
        var request = RouterHarness.Chat(string.Join(' ', Enumerable.Repeat("the small letter", 60)), Greedy, 16);
        var split = await router.AskAsync(request);
        Assert.Equal(new ServedBy("p", "d"), split.First(c => c.ServedBy is not null).ServedBy);
        Assert.Equal(
            RouterHarness.TextOf(await alone.AskAsync(request)), RouterHarness.TextOf(split));
    }

    [Fact]
    public async Task A_stream_survives_an_engine_behind_grpc()
    {
        if (Missing()) return;
        await using var dying = await NodeAsync();
        await using var other = await NodeAsync();
        await using var router = await RouterAsync(OverGrpc("dying", dying), OverGrpc("other", other));
        await using var alone = await RouterAsync(OverGrpc("alone", other));
        var request = RouterHarness.Chat("a long answer", Greedy, 600);
        var chunks = new List<InferenceChunk>();
        var first = "";
        await foreach (var chunk in router.Router.GenerateAsync(request, CancellationToken.None))
        {
            chunks.Add(chunk);
            if (chunk.ServedBy is { } by) first = by.DecodeEngine;
            if (chunks.Count == 20 && first == "dying") await dying.StopAsync();
        }

        Assert.Equal(600, Last(chunks).OutputTokens);
        if (first != "dying") await dying.StopAsync();
        output.WriteLine($"the stream began on '{first}'");
        Assert.NotEmpty(RouterHarness.TextOf(await alone.AskAsync(request)));
        await Eventually.BecomesTrueAsync(
            () => router.Router.Engines.Single(e => e.Engine.Name == "dying").Healthy is false);
    }

    [Fact]
    public async Task What_the_messages_cannot_carry_is_refused_and_so_is_a_prompt_that_is_too_long()
    {
        if (Missing()) return;
        await using var node = await NodeAsync();
        await using var router = await RouterAsync(OverGrpc("grpc", node));
        var echo = await router.RefusedAsync(RouterHarness.Chat("x", ""","echo":true"""));
        Assert.Equal(ReasonCodes.UnsupportedParameter, echo.Code);
        Assert.Contains("echo", echo.Message, StringComparison.Ordinal);
        var error = await router.RefusedAsync(
            RouterHarness.Chat(string.Join(' ', Enumerable.Repeat("the small letter", 2000)), Greedy, 16));
        Assert.Equal(ReasonCodes.PromptTooLong, error.Code);
    }

    [Fact]
    public async Task Events_over_grpc_tell_the_router_what_is_cached()
    {
        if (Missing()) return;
        await using var node = await NodeAsync();
        using var tokenizer = GgufTokenizer.Load(_model!);
        await using var router = await RouterAsync(
            o => o with
            {
                PromptKeys = new Dictionary<string, PromptKeys> { ["m"] = PromptKeys.Vocabulary },
                Tokenizers = new Dictionary<string, IPromptTokenizer> { ["m"] = tokenizer },
            },
            OverGrpc("grpc", node));
        await router.AskAsync(
            RouterHarness.Chat(string.Join(' ', Enumerable.Repeat("the small letter", 40)), Greedy, 4));
        var engine = Assert.Single(router.Router.Pool.Engines);
        await Eventually.BecomesTrueAsync(() => router.Router.Desk.IsHeardFrom(engine));
        Assert.True(router.Router.Desk.HeldBy(engine) > 0);
    }

    [Fact]
    public async Task An_engine_that_starts_anew_is_asked_for_its_tokenizer_anew()
    {
        if (Missing()) return;
        var loads = 0;
        var first = await NodeAsync();
        var started = TimeProvider.System.GetTimestamp();
        await using var router = await RouterAsync(
            o => o with
            {
                VocabularyLoader = path =>
                {
                    Interlocked.Increment(ref loads);
                    return GgufTokenizer.Load(path);
                },
            },
            OverGrpc("grpc", first));
        await router.AskAsync(RouterHarness.Chat("one", Greedy, 4));
        await router.AskAsync(RouterHarness.Chat("two", Greedy, 4));
        Assert.Equal(1, loads);

        // Processes are told apart by when they started, as far as uptimes show it (ProcessStart).
        await Eventually.BecomesTrueAsync(
            () => TimeProvider.System.GetElapsedTime(started) > TimeSpan.FromSeconds(5));
        var port = first.GrpcAddress!.Port;
        await first.StopAsync();
        await first.DisposeAsync();
        await Eventually.BecomesTrueAsync(() => !router.Router.Engines[0].Healthy);
        await using var second = await NodeAsync(port);
        await Eventually.BecomesTrueAsync(() => router.Router.Engines[0].Healthy && Volatile.Read(ref loads) >= 2);
        Assert.Equal(4, Last(await router.AskAsync(RouterHarness.Chat("three", Greedy, 4))).OutputTokens);
    }

    [Theory]
    [InlineData("grpc://127.0.0.1", EngineKind.Node)]
    [InlineData("grpcs://127.0.0.1:1234", EngineKind.Vllm)]
    public void An_address_that_cannot_be_spoken_to_is_refused(string address, EngineKind kind) =>
        Assert.NotNull(EngineRouterOptions.ProblemOf(new("e", new Uri(address), kind)));

    private static async Task EventuallyAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        while (!await condition())
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
    }

    private static (int PromptTokens, int OutputTokens) Last(IReadOnlyList<InferenceChunk> chunks)
    {
        var usage = chunks.Last(c => c.Usage is not null).Usage!;
        return ((int)usage.Prompt.Value, (int)usage.Output.Value);
    }

    private static EngineDescriptor OverGrpc(string name, NodeServer node) =>
        new(name, new Uri($"grpc://127.0.0.1:{node.GrpcAddress!.Port}"), EngineKind.Node);

    private static EngineDescriptor OverHttp(string name, NodeServer node) => new(name, node.Address, EngineKind.Node);

    private static Task<RouterHarness> RouterAsync(params EngineDescriptor[] engines) => RouterAsync(o => o, engines);

    private static async Task<RouterHarness> RouterAsync(
        Func<EngineRouterOptions, EngineRouterOptions> change, params EngineDescriptor[] engines)
    {
        var options = change(new EngineRouterOptions
        {
            Engines = engines,
            Disaggregation = Disaggregation.Never,
            ProbeTimeout = Eventually.Patience,
            ConnectTimeout = Eventually.Patience,
            ProbeInterval = TimeSpan.FromMilliseconds(100),
            VocabularyLoader = GgufTokenizer.Load,
        });
        var router = new EngineRouter(options, TimeProvider.System);
        await router.StartAsync(CancellationToken.None);
        return new RouterHarness(router);
    }

    private Task<NodeServer> NodeAsync(int port = 0, Func<NodeOptions, NodeOptions>? change = null)
    {
        _model ??= RealNode.WriteModel(_folder.FullName);
        var options = new NodeOptions
        {
            ModelPath = _model, ModelName = "m", ContextTokens = 2048, ParallelSequences = 4, Threads = 1,
            GrpcPort = port,
        };
        return NodeServer.StartAsync(change?.Invoke(options) ?? options);
    }

    private bool Missing()
    {
        if (RealNode.Available) return false;
        output.WriteLine("the node's native library is not installed; nothing was tested");
        return true;
    }
}
