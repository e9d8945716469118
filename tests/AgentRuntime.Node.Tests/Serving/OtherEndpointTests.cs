using System.Text.Json.Nodes;

namespace AgentRuntime.Node.Tests.Serving;

public sealed class OtherEndpointTests(ServingFixture fixture) : IClassFixture<ServingFixture>
{
    [Fact]
    public async Task Any_text_survives_tokenization()
    {
        const string Text = "Grüße, 世界! the order 1234 \U0001F980\n\ttabs \0 end";
        var (_, tokens) = await DemoNode.PostAsync(fixture.Node, "/tokenize", new() { ["prompt"] = Text });
        var (_, text) = await DemoNode.PostAsync(
            fixture.Node, "/detokenize", new() { ["tokens"] = tokens["tokens"]!.DeepClone() });
        Assert.Equal(Text, (string?)text["prompt"]);
        Assert.Equal(tokens["tokens"]!.AsArray().Count, (int)tokens["count"]!);
    }

    [Fact]
    public async Task The_model_is_listed_with_its_context()
    {
        using var http = DemoNode.Client(fixture.Node);
        var json = JsonNode.Parse(await http.GetStringAsync("/v1/models"))!;
        Assert.Equal("demo", (string?)json["data"]![0]!["id"]);
        Assert.Equal(1024, (int)json["data"]![0]!["max_model_len"]!);
    }

    [Fact]
    public async Task A_text_completion_takes_tokens_as_well_as_text()
    {
        var (_, tokens) = await DemoNode.PostAsync(fixture.Node, "/tokenize", new() { ["prompt"] = "the green river" });
        JsonObject Body(JsonNode prompt) => new()
        {
            ["prompt"] = prompt, ["max_tokens"] = 8, ["temperature"] = 0, ["ignore_eos"] = true,
        };
        var (_, fromText) = await DemoNode.PostAsync(fixture.Node, "/v1/completions", Body("the green river"));
        var (_, fromTokens) = await DemoNode.PostAsync(
            fixture.Node, "/v1/completions", Body(tokens["tokens"]!.DeepClone()));
        Assert.Equal("text_completion", (string?)fromText["object"]);
        Assert.Equal((string?)fromText["choices"]![0]!["text"], (string?)fromTokens["choices"]![0]!["text"]);
    }

    [Fact]
    public async Task Metrics_have_the_names_of_vLLM()
    {
        await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", DemoNode.Chat("count me", 3));
        using var http = DemoNode.Client(fixture.Node);
        var text = await http.GetStringAsync("/metrics");
        string[] names =
        [
            "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
                "vllm:cache_config_info",
            "vllm:lora_requests_info", "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total",
            "vllm:num_preemptions_total", "vllm:prompt_tokens_total", "vllm:generation_tokens_total",
            "vllm:time_to_first_token_seconds_bucket", "vllm:inter_token_latency_seconds_count",
            "vllm:e2e_request_latency_seconds_sum",
        ];
        foreach (var name in names) Assert.Contains($"\n{name}{{", text, StringComparison.Ordinal);
        Assert.Contains("block_size=\"16\",num_gpu_blocks=\"256\"", text, StringComparison.Ordinal);
    }
}
