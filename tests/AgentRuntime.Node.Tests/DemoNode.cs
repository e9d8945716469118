using System.Net.Http.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests;

/// <summary>A random model, made once a test run, and nodes that serve it.</summary>
internal static class DemoNode
{
    private static readonly Lazy<string> Model = new(() => Write("noise.gguf", new()));
    private static readonly Lazy<string> OtherModel = new(() =>
        Write("other.gguf", new() { Seed = 7 }));

    public static string ModelPath => Model.Value;

    public static string OtherModelPath => OtherModel.Value;

    /// <summary>What the models of this run are computed on: <c>./tests/run --device</c>.</summary>
    public static string Device => Environment.GetEnvironmentVariable("AGENTRUNTIME_TEST_DEVICE") ?? "cpu";

    /// <summary>All layers of a model on <see cref="Device"/>.</summary>
    public static int GpuLayers => Device == "cpu" ? 0 : -1;

    /// <summary>Small, and as exact as the device can be.</summary>
    public static NodeOptions Options => new()
    {
        ModelPath = ModelPath, ContextTokens = 1024, ParallelSequences = 4, Threads = 1, Exact = Device != "cpu",
        Device = Device, GpuLayers = GpuLayers,
    };

    /// <summary>Loads llama.cpp for the device, for tests that start no node.</summary>
    public static void LoadLibrary() => LlamaLibrary.Load(Device);

    public static Task<NodeServer> StartAsync(
        Func<NodeOptions, NodeOptions>? change = null, TimeProvider? time = null) =>
        NodeServer.StartAsync(change is null ? Options : change(Options), time);

    public static HttpClient Client(NodeServer node) =>
        new() { BaseAddress = node.Address, Timeout = TimeSpan.FromMinutes(3) };

    /// <summary>Posts a body and returns status and JSON.</summary>
    public static async Task<(int Status, JsonNode Json)> PostAsync(NodeServer node, string path, JsonObject body)
    {
        using var http = Client(node);
        using var response = await http.PostAsJsonAsync(path, body);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!);
    }

    /// <summary>A greedy chat request.</summary>
    public static JsonObject Chat(string text, int maxTokens = 24) => new()
    {
        ["model"] = "demo",
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = text }),
        ["max_tokens"] = maxTokens,
        ["temperature"] = 0,
        ["ignore_eos"] = true,
    };

    public static string Text(JsonNode response) => (string)response["choices"]![0]!["message"]!["content"]!;

    /// <summary>Text of a number of words that the vocabulary has.</summary>
    public static string LongText(int words, int seed = 1)
    {
        var random = new Random(seed);
        string[] list = ["the", "order", "river", "of", "green", "and", "letter", "small", "stone", "to", "morning",
            "7", "é"];
        return string.Join(' ', Enumerable.Range(0, words).Select(_ => list[random.Next(list.Length)]));
    }

    /// <summary>Writes a model that is there until the tests end.</summary>
    public static string Write(string name, NoiseModelOptions options) =>
        WriteFile(name, path => NoiseModel.Write(path, options));

    /// <summary>Writes a file that is there until the tests end.</summary>
    public static string WriteFile(string name, Action<string> write)
    {
        var folder = Directory.CreateTempSubdirectory("agentruntime-node-");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Delete(recursive: true);
        var path = Path.Combine(folder.FullName, name);
        write(path);
        return path;
    }
}
