namespace AgentRuntime.Node.Tests.Determinism;

/// <summary>
/// Models whose layers see a window of tokens only. llama.cpp gives the cells of such layers away once the window has
/// passed them, also those that a later request shares.
/// </summary>
public sealed class WindowTests
{
    [Theory]
    [InlineData(NoiseKinds.GptOss)]
    [InlineData(NoiseKinds.Gemma2)]
    public async Task A_prefix_is_whole_after_others_have_filled_the_pool(string kind)
    {
        var model = NoiseKinds.Write(kind);
        NodeOptions Options(NodeOptions o) => o with { ModelPath = model, ContextTokens = 512, KvPoolTokens = 512 };
        await using var node = await DemoNode.StartAsync(Options);
        await using var fresh = await DemoNode.StartAsync(Options);
        var shared = DemoNode.LongText(150, 1);
        // What lies before its cells goes, so that the next prompt comes by them.
        await AskAsync(node, DemoNode.LongText(90, 10));
        await AskAsync(node, shared);
        await AskAsync(node, DemoNode.LongText(90, 11));
        await AskAsync(node, shared);
        await AskAsync(node, DemoNode.LongText(140, 12));
        var question = shared[..(shared.Length * 2 / 3)] + " " + DemoNode.LongText(5, 3);
        var (expected, none) = await AskAsync(fresh, question);
        var (actual, cached) = await AskAsync(node, question);

        Assert.Equal(0, none);
        Assert.True(cached > 2 * NoiseKinds.Window);
        Assert.Equal(expected, actual);
    }

    private static async Task<(string Answer, int Cached)> AskAsync(NodeServer node, string prompt)
    {
        var (status, json) = await DemoNode.PostAsync(node, "/v1/completions", new()
        {
            ["prompt"] = prompt, ["max_tokens"] = 16, ["temperature"] = 0, ["ignore_eos"] = true, ["logprobs"] = 1,
        });
        Assert.True(status == 200, json.ToJsonString());
        // On an accelerator kernels for one token and for many differ (decision 0304).
        var bits = DemoNode.Device == "cpu" ? json["choices"]![0]!["logprobs"]!.ToJsonString() : "";
        return ((string)json["choices"]![0]!["text"]! + bits,
            (int)json["usage"]!["prompt_tokens_details"]!["cached_tokens"]!);
    }
}
