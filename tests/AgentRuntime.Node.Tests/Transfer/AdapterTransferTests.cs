using System.Text.Json.Nodes;
using AgentRuntime.Node.Models;
using static AgentRuntime.Node.Tests.Transfer.DisaggregationTests;

namespace AgentRuntime.Node.Tests.Transfer;

/// <summary>KV state that a LoRA adapter was part of, on its way between nodes.</summary>
public sealed class AdapterTransferTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("agentruntime-adapter-transfer-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Moved_and_unmoved_an_adapter_answers_the_same()
    {
        await using var prefill = await StartAsync(seed: 1, o => o with { Role = NodeRole.Prefill });
        await using var decode = await StartAsync(seed: 1, o => o with { Role = NodeRole.Decode });
        await using var colocated = await StartAsync(seed: 1);
        var body = Body("sales");
        var (_, expected) = await DemoNode.PostAsync(colocated, "/v1/chat/completions", body);
        var (_, plain) = await DemoNode.PostAsync(colocated, "/v1/chat/completions", Body("demo"));

        var (status, actual) = await DecodeAsync(decode, body, await PrefillAsync(prefill, body));

        Assert.Equal(200, status);
        Assert.Equal(DemoNode.Text(expected), DemoNode.Text(actual));
        Assert.NotEqual(DemoNode.Text(plain), DemoNode.Text(actual));
        var report = actual["x_agentruntime"]!["kv_transfer"]!;
        Assert.Equal("transferred", (string?)report["outcome"]);
        Assert.Equal((int)actual["usage"]!["prompt_tokens"]! - 1, (int)report["tokens"]!);
        Assert.Equal(0, prefill.Service.Leases.Count);
    }

    [Fact]
    public async Task State_of_another_adapter_of_the_same_name_is_computed_anew_and_said()
    {
        await using var prefill = await StartAsync(seed: 1);
        await using var decode = await StartAsync(seed: 100);
        await using var colocated = await StartAsync(seed: 100);
        var body = Body("sales");
        var (_, expected) = await DemoNode.PostAsync(colocated, "/v1/chat/completions", body);

        var (status, actual) = await DecodeAsync(decode, body, await PrefillAsync(prefill, body));

        Assert.Equal(200, status);
        Assert.Equal(DemoNode.Text(expected), DemoNode.Text(actual));
        var report = actual["x_agentruntime"]!["kv_transfer"]!;
        Assert.Equal("recomputed", (string?)report["outcome"]);
        Assert.Equal("AR4011", (string?)report["code"]);
        Assert.Contains("another adapter of that name", (string?)report["reason"], StringComparison.Ordinal);
        Assert.Equal(0, prefill.Service.Leases.Count);
    }

    [Theory]
    [InlineData("sales", "demo", "with an adapter")]
    [InlineData("demo", "sales", "without the adapter")]
    public async Task State_never_changes_between_an_adapter_and_its_base(string from, string to, string reason)
    {
        await using var prefill = await StartAsync(seed: 1);
        await using var decode = await StartAsync(seed: 1, o => o with { KvLoadFailure = KvLoadFailure.Fail });

        var (status, json) = await DecodeAsync(decode, Body(to), await PrefillAsync(prefill, Body(from)));

        Assert.Equal(409, status);
        Assert.Equal("AR4011", (string?)json["error"]!["code"]);
        Assert.Contains(reason, (string?)json["error"]!["message"], StringComparison.Ordinal);
    }

    private static JsonObject Body(string model)
    {
        // Long enough for several segments.
        var body = DemoNode.Chat(DemoNode.LongText(400), 32);
        body["model"] = model;
        return body;
    }

    private Task<NodeServer> StartAsync(int seed, Func<NodeOptions, NodeOptions>? change = null)
    {
        var path = Path.Combine(_folder.FullName, $"{seed}.gguf");
        if (!File.Exists(path)) NoiseAdapter.Write(path, new(), seed);
        return DemoNode.StartAsync(o => (change?.Invoke(o) ?? o) with { Adapters = [new("sales", path)] });
    }
}
