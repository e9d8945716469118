using System.Text.Json.Nodes;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Serving;

/// <summary>LoRA adapters that requests name as their model.</summary>
public sealed class AdapterTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("agentruntime-adapters-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Each_adapter_answers_in_its_own_way_and_the_model_as_without_them()
    {
        await using var plain = await DemoNode.StartAsync();
        await using var node = await StartAsync();
        var expected = await TextAsync(plain, "demo");

        Assert.Equal(expected, await TextAsync(node, "demo"));
        var sales = await TextAsync(node, "sales");
        var support = await TextAsync(node, "support");
        Assert.Equal(3, new[] { expected, sales, support }.Distinct().Count());
        Assert.Equal(sales, await TextAsync(node, "sales"));
    }

    [Fact]
    public async Task Mixed_at_the_same_time_they_answer_as_alone()
    {
        await using var node = await StartAsync();
        string[] models = ["demo", "sales", "support", "sales", "demo", "support"];
        var alone = new List<string>();
        for (var i = 0; i < models.Length; i++) alone.Add(await TextAsync(node, models[i], i));
        await using var fresh = await StartAsync();
        var together = await Task.WhenAll(models.Select((model, i) => TextAsync(fresh, model, i)));

        Assert.Equal(alone, together);
    }

    [Fact]
    public async Task Blocks_of_one_adapter_are_not_reused_for_another()
    {
        await using var node = await StartAsync();
        await TextAsync(node, "sales");
        var (_, other) = await DemoNode.PostAsync(node, "/v1/chat/completions", Body("support"));
        var (_, same) = await DemoNode.PostAsync(node, "/v1/chat/completions", Body("sales"));

        Assert.Equal(0, (int)other["usage"]!["prompt_tokens_details"]!["cached_tokens"]!);
        Assert.True((int)same["usage"]!["prompt_tokens_details"]!["cached_tokens"]! > 0);
        Assert.Equal("sales", (string?)same["model"]);
    }

    [Fact]
    public async Task The_list_of_models_names_the_adapters_and_their_parent()
    {
        await using var node = await StartAsync();
        using var http = DemoNode.Client(node);
        var models = JsonNode.Parse(await http.GetStringAsync(new Uri("/v1/models", UriKind.Relative)))!["data"]!;

        Assert.Equal(["demo", "sales", "support"], models.AsArray().Select(m => (string?)m!["id"]));
        Assert.Equal([null, "demo", "demo"], models.AsArray().Select(m => (string?)m!["parent"]));
        var metrics = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        Assert.Contains("max_lora=\"2\"", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_adapter_is_refused_with_a_code()
    {
        await using var node = await StartAsync();
        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", Body("nobody"));

        Assert.Equal(404, status);
        Assert.Equal("AR4012", (string?)json["error"]!["code"]);
    }

    [Fact]
    public async Task An_adapter_file_of_another_shape_or_none_does_not_start()
    {
        var wrong = Path.Combine(_folder.FullName, "wrong.gguf");
        NoiseAdapter.Write(wrong, new() { Embedding = 64 }, seed: 3);
        foreach (var path in (string[])[wrong, DemoNode.ModelPath, Path.Combine(_folder.FullName, "absent.gguf")])
        {
            var error = await Assert.ThrowsAsync<RuntimeErrorException>(() =>
                DemoNode.StartAsync(o => o with { Adapters = [new("a", path)] }));
            Assert.Equal("AR4010", error.Error.Code.ToString());
        }

        var twice = await Assert.ThrowsAsync<RuntimeErrorException>(() =>
            DemoNode.StartAsync(o => o with { Adapters = [new("a", wrong), new("a", wrong)] }));
        Assert.Equal("AR8001", twice.Error.Code.ToString());
    }

    private static JsonObject Body(string model, int prompt = 0)
    {
        var body = DemoNode.Chat(DemoNode.LongText(40, prompt + 20), 40);
        body["model"] = model;
        return body;
    }

    private static async Task<string> TextAsync(NodeServer node, string model, int prompt = 0)
    {
        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", Body(model, prompt));
        Assert.Equal(200, status);
        return DemoNode.Text(json);
    }

    private Task<NodeServer> StartAsync() => DemoNode.StartAsync(o => o with
    {
        Adapters = [Adapter("sales", 1), Adapter("support", 100)],
    });

    private AdapterOptions Adapter(string name, int seed)
    {
        var path = Path.Combine(_folder.FullName, name + ".gguf");
        if (!File.Exists(path)) NoiseAdapter.Write(path, new(), seed);
        return new(name, path);
    }
}
