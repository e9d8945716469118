using System.Net.Http.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Simulation;
using AgentRuntime.Node.Tests.Grpc;
using AgentRuntime.Node.Tests.Transfer;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Node.Tests.Simulation;

public sealed class SimulatedNodeTests(ITestOutputHelper output)
{
    private static readonly SimulationOptions Instant = new() { Speed = 1e6, Jitter = 0 };

    [Fact]
    public async Task A_simulation_answers_like_a_node_and_the_same_each_time()
    {
        await using var node = await StartAsync(Instant);
        var body = DemoNode.Chat("the order of the river", 40);
        var (status, first) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);
        var (_, second) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);
        Assert.Equal(200, status);
        Assert.Equal("length", (string?)first["choices"]![0]!["finish_reason"]);
        Assert.Equal(40, (int)first["usage"]!["completion_tokens"]!);
        Assert.Equal(DemoNode.Text(first), DemoNode.Text(second));
        Assert.True((int)second["usage"]!["prompt_tokens_details"]!["cached_tokens"]! > 0);

        using var http = DemoNode.Client(node);
        var metrics = await http.GetStringAsync("/metrics");
        Assert.Contains("vllm:generation_tokens_total{engine=\"0\",model_name=\"simulated\"} 80", metrics,
            StringComparison.Ordinal);
        var tokens = (await DemoNode.PostAsync(node, "/tokenize", new() { ["prompt"] = "stones" })).Json["tokens"]!;
        var text = await DemoNode.PostAsync(node, "/detokenize", new() { ["tokens"] = tokens.DeepClone() });
        Assert.Equal("stones", (string?)text.Json["prompt"]);
    }

    [Fact]
    public async Task Answers_end_by_themselves_around_the_mean_length()
    {
        await using var node = await StartAsync(Instant with { OutputTokens = 20 });
        var lengths = new List<int>();
        for (var i = 0; i < 30; i++)
        {
            var body = DemoNode.Chat($"question {i}", 200);
            body["ignore_eos"] = false;
            var (_, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);
            Assert.Equal("stop", (string?)json["choices"]![0]!["finish_reason"]);
            lengths.Add((int)json["usage"]!["completion_tokens"]!);
        }

        Assert.InRange(lengths.Average(), 15, 27);
        Assert.True(lengths.Distinct().Count() > 5);
    }

    [Fact]
    public async Task An_answer_that_goes_on_elsewhere_goes_on_as_it_would_have()
    {
        await using var one = await StartAsync(Instant);
        await using var other = await StartAsync(Instant with { Seed = 9 });
        async Task<string> CompleteAsync(NodeServer node, string prompt, int tokens) =>
            (string)(await DemoNode.PostAsync(node, "/v1/completions", new()
            {
                ["prompt"] = prompt, ["max_tokens"] = tokens, ["ignore_eos"] = true, ["temperature"] = 0,
            })).Json["choices"]![0]!["text"]!;

        const string Prompt = "go on\n"; // a line starts anew, so that the text's tokens are those of the stream
        var whole = await CompleteAsync(one, Prompt, 30);
        var half = await CompleteAsync(one, Prompt, 15);
        Assert.Equal(whole, half + await CompleteAsync(other, Prompt + half, 15));
    }

    [Fact]
    public void A_pass_takes_the_time_of_what_is_in_it()
    {
        var options = new SimulationOptions
        {
            PassMilliseconds = 5, PrefillMicrosecondsPerToken = 100, DecodeMicrosecondsPerSequence = 50,
            KvBytesPerToken = 1000, TransferBytesPerSecond = 1e6, Speed = 10,
        };
        Assert.Equal(TimeSpan.FromMilliseconds(5 + 51.2 + 1), options.PassTime(512, 20));
        Assert.Equal(TimeSpan.FromMilliseconds(50), options.TransferTime(500));
    }

    [Fact]
    public async Task Time_to_first_token_and_between_tokens_follow_the_model()
    {
        await using var node = await StartAsync(new SimulationOptions
        {
            PassMilliseconds = 10, PrefillMicrosecondsPerToken = 500, DecodeMicrosecondsPerSequence = 0, Jitter = 0,
        });
        var prompt = new string('x', 3 * 400); // 400 tokens: 200 ms and one pass
        var started = TimeProvider.System.GetTimestamp();
        var (_, json) = await DemoNode.PostAsync(node, "/v1/completions", new()
        {
            ["prompt"] = prompt, ["max_tokens"] = 21, ["ignore_eos"] = true,
        });
        var seconds = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        Assert.Equal(400, (int)json["usage"]!["prompt_tokens"]!);
        // 210 ms of prefill and 20 passes of 10 ms; slower only by what the machine adds, never faster.
        Assert.InRange(seconds, 0.40, 30);
        var (_, warm) = await DemoNode.PostAsync(node, "/v1/completions", new()
        {
            ["prompt"] = prompt, ["max_tokens"] = 1,
        });
        Assert.Equal(384, (int)warm["usage"]!["prompt_tokens_details"]!["cached_tokens"]!);
    }

    [Fact]
    public async Task A_full_pool_preempts_and_every_answer_is_whole()
    {
        const int Requests = 16;
        using var hold = new EngineHold();
        await using var node = await StartAsync(Instant, o => o with
        {
            ContextTokens = 512, ParallelSequences = Requests, KvPoolTokens = 1024,
        }, hold);
        var asking = Task.WhenAll(Enumerable.Range(0, Requests).Select(i => DemoNode.PostAsync(
            node, "/v1/chat/completions", DemoNode.Chat($"question {i} " + DemoNode.LongText(20, i), 200))));
        await hold.ReleaseOnceItHasAsync(node, Requests);
        var answers = await asking;
        Assert.All(answers, a => Assert.Equal(200, (int)a.Json["usage"]!["completion_tokens"]!));
        Assert.True(node.Service.Engine.Counters.Preemptions > 0);
    }

    [Fact]
    public async Task State_moves_between_simulations_and_takes_its_time()
    {
        var slow = Instant with { TransferBytesPerSecond = 1e6, KvBytesPerToken = 1000, Speed = 1, PassMilliseconds = 0,
            PrefillMicrosecondsPerToken = 0, };
        await using var prefill = await StartAsync(slow);
        await using var decode = await StartAsync(slow);
        var body = DemoNode.Chat(DemoNode.LongText(100), 8);
        var (_, expected) = await DemoNode.PostAsync(decode, "/v1/chat/completions", body);
        body["messages"]![0]!["content"] = "other " + DemoNode.LongText(100);
        body["kv_transfer_params"] = await DisaggregationTests.PrefillAsync(prefill, body);

        var started = TimeProvider.System.GetTimestamp();
        var (status, json) = await DemoNode.PostAsync(decode, "/v1/chat/completions", body);
        var seconds = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        Assert.Equal(200, status);
        var tokens = (int)json["usage"]!["prompt_tokens"]!;
        Assert.True(seconds >= tokens / 1000.0, $"{tokens} tokens in {seconds} s");
        Assert.Equal("transferred", (string?)json["x_agentruntime"]!["kv_transfer"]!["outcome"]);
        Assert.Equal(tokens * 1000, (int)json["usage"]!["kv_transfer_bytes"]!);
        Assert.Equal(8, (int)expected["usage"]!["completion_tokens"]!);
    }

    [Fact]
    public async Task State_of_a_simulation_is_never_used_by_a_real_node()
    {
        await using var prefill = await StartAsync(Instant);
        await using var decode = await DemoNode.StartAsync(o => o with { KvLoadFailure = KvLoadFailure.Fail });
        var body = DemoNode.Chat(DemoNode.LongText(30), 4);
        body["kv_transfer_params"] = await DisaggregationTests.PrefillAsync(prefill, body);
        var (status, json) = await DemoNode.PostAsync(decode, "/v1/chat/completions", body);
        Assert.Equal(409, status);
        Assert.Equal("AR4011", (string?)json["error"]!["code"]);
    }

    [Fact]
    public async Task The_python_client_of_the_grpc_service_is_served_by_a_simulation_too()
    {
        if (!Python.Has("grpc", "google.protobuf"))
        {
            output.WriteLine("python3-grpcio is not installed; nothing was tested");
            return;
        }

        await using var node = await StartAsync(
            new SimulationOptions { PassMilliseconds = 2, PrefillMicrosecondsPerToken = 1, Jitter = 0 },
            o => o with { GrpcPort = 0, ContextTokens = 16_384, KvPoolTokens = 65_536, ParallelSequences = 4 });
        var lines = await VllmClientReport.RunAsync(node);
        // A simulation chooses no token by chance, weighs none, writes no JSON and has no vocabulary file.
        string[] real =
        [
            "log_probabilities_come_with_their_tokens", "several_choices_are_told_apart", "a_schema_binds_the_answer",
            "refusals_have_codes", "the_tokenizer_is_an_archive",
        ];
        Assert.All(
            lines.Where(l => !real.Contains(l.Key)),
            line => Assert.Equal((line.Key, "ok"), (line.Key, line.Value)));
        Assert.True(lines.Count >= 15);
    }

    [Fact]
    public async Task A_thousand_streams_run_at_once()
    {
        const int Streams = 1000;
        await using var node = await StartAsync(
            new SimulationOptions { PassMilliseconds = 100, PrefillMicrosecondsPerToken = 1 },
            o => o with
            {
                ParallelSequences = Streams, BatchTokens = 8192, PrefillChunkTokens = 8192, QueuedRequests = Streams,
            });
        using var http = DemoNode.Client(node);
        http.MaxResponseContentBufferSize = 1 << 20;
        var most = 0;
        var answers = await Task.WhenAll(Enumerable.Range(0, Streams).Select(async i =>
        {
            var body = DemoNode.Chat($"stream {i}", 20);
            body["stream"] = true;
            using var response = await http.PostAsJsonAsync("/v1/chat/completions", body);
            most = Math.Max(most, node.Service.Engine.Counters.Running);
            return await response.Content.ReadAsStringAsync();
        }));
        Assert.All(answers, a => Assert.EndsWith("data: [DONE]\n\n", a, StringComparison.Ordinal));
        Assert.Equal(Streams * 20, node.Service.Engine.Counters.GeneratedTokens);
        output.WriteLine($"most at once, seen at the ends: {most}");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    public async Task A_speed_that_is_none_is_refused(double speed)
    {
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(() => StartAsync(new() { Speed = speed }));
        Assert.Equal(ReasonCodes.InvalidConfiguration, e.Error.Code);
    }

    private static Task<NodeServer> StartAsync(
        SimulationOptions simulation, Func<NodeOptions, NodeOptions>? change = null, TimeProvider? time = null)
    {
        var options = new NodeOptions
        {
            ModelPath = "", Simulation = simulation, ContextTokens = 1024, ParallelSequences = 8,
        };
        return NodeServer.StartAsync(change is null ? options : change(options), time);
    }
}
