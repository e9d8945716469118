using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Node.Tests.Serving;

/// <summary>OpenAI's own client for JavaScript, against the node itself.</summary>
public sealed class OpenAiClientTests(ITestOutputHelper output)
{
    [Fact]
    public async Task The_openai_client_talks_to_a_node_unchanged()
    {
        var peers = Path.Combine(Repository.Root, "tests", "peers");
        if (!Directory.Exists(Path.Combine(peers, "node_modules", "openai")))
        {
            output.WriteLine("run npm ci in tests/peers; nothing was tested");
            return;
        }

        await using var node = await DemoNode.StartAsync(o => o with { Embeddings = true });
        var seen = await RunAsync(Path.Combine(peers, "openai-engine.mjs"), node);

        Assert.NotEqual("", (string?)seen["chat"]);
        Assert.Equal((string?)seen["chat"], (string?)seen["streamed"]);
        Assert.Equal(12, (int)seen["usage"]!["completion_tokens"]!);
        Assert.NotEqual("", (string?)seen["completion"]);
        Assert.Equal((string?)seen["completion"], (string?)seen["completionStreamed"]);
        Assert.Equal(["demo"], seen["models"]!.AsArray().Select(m => (string?)m));

        var (decoded, floats) = (Vectors(seen["vectors"]!), Vectors(seen["floats"]!));
        Assert.Equal(3, decoded.Length);
        Assert.Equal(96, decoded[0].Length);
        Assert.Equal(decoded, floats);
        Assert.Equal(decoded[0], decoded[2]);
        Assert.NotEqual(decoded[0], decoded[1]);
        Assert.Equal("""{"name":"BadRequestError","status":400,"code":"AR1010","param":"dimensions"}""",
            seen["refused"]!.ToJsonString());
    }

    private static float[][] Vectors(JsonNode list) =>
        [.. list.AsArray().Select(v => v!.AsArray().Select(x => (float)(double)x!).ToArray())];

    private static async Task<JsonNode> RunAsync(string script, NodeServer node)
    {
        var address = node.Address.GetLeftPart(UriPartial.Authority);
        using var client = Process.Start(new ProcessStartInfo("node", [script, address, node.ModelName])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        })!;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            var errors = client.StandardError.ReadToEndAsync(deadline.Token);
            var text = await client.StandardOutput.ReadToEndAsync(deadline.Token);
            await client.WaitForExitAsync(deadline.Token);
            Assert.True(client.ExitCode == 0, await errors);
            return JsonNode.Parse(text)!;
        }
        finally
        {
            if (!client.HasExited) client.Kill(entireProcessTree: true);
        }
    }
}
