using System.Diagnostics;
using System.Text.Json;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>OpenAI's own JavaScript client, unchanged, against the edge.</summary>
public class OpenAiClientTests(ITestOutputHelper output)
{
    [Fact]
    public async Task The_openai_client_talks_to_the_edge_unchanged()
    {
        var peers = Path.Combine(Repository.Root, "tests", "peers");
        if (!Directory.Exists(Path.Combine(peers, "node_modules", "openai")))
        {
            output.WriteLine("SKIPPED: tests/peers/node_modules is absent; run npm ci in tests/peers");
            return;
        }

        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await EdgeHarness.StartAsync([engine]);

        var seen = await RunAsync(peers, edge.Address.ToString().TrimEnd('/'), MemoryPorts.AcmeKey, "m");

        var whole = seen.GetProperty("whole");
        Assert.Equal("chat.completion", whole.GetProperty("object").GetString());
        Assert.Equal("Hello, world", whole.GetProperty("content").GetString());
        Assert.Equal("stop", whole.GetProperty("finish").GetString());
        Assert.Equal(13, whole.GetProperty("usage").GetProperty("total_tokens").GetInt32());
        var stream = seen.GetProperty("stream");
        Assert.Equal("Hello, world", stream.GetProperty("content").GetString());
        var details = stream.GetProperty("usage").GetProperty("prompt_tokens_details");
        Assert.Equal(4, details.GetProperty("cached_tokens").GetInt32());
        Assert.Equal("Hello, world", seen.GetProperty("helper").GetString());
        Assert.Equal("Hello, world", seen.GetProperty("completion").GetString());
        Assert.Equal("Hello, world", seen.GetProperty("response").GetProperty("text").GetString());
        Assert.Equal("completed", seen.GetProperty("response").GetProperty("status").GetString());
        Assert.Equal("Hello, world", seen.GetProperty("responseStream").GetString());
        Assert.Equal("m", seen.GetProperty("models")[0].GetString());
        Assert.Equal("m", seen.GetProperty("model").GetString());
        var refused = seen.GetProperty("refused");
        Assert.Equal("PermissionDeniedError", refused.GetProperty("name").GetString());
        Assert.Equal("AR2009", refused.GetProperty("code").GetString());
        Assert.StartsWith("req_", refused.GetProperty("requestID").GetString(), StringComparison.Ordinal);
        Assert.Equal("AuthenticationError", seen.GetProperty("unauthorized").GetProperty("name").GetString());
        Assert.Equal("AR1002", seen.GetProperty("unauthorized").GetProperty("code").GetString());
    }

    private static async Task<JsonElement> RunAsync(string peers, params string[] arguments)
    {
        var start = new ProcessStartInfo("node", ["openai-client.mjs", .. arguments])
        {
            WorkingDirectory = peers,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        await process.WaitForExitAsync(patience.Token);
        Assert.True(process.ExitCode == 0, await errors);
        return JsonDocument.Parse(await text).RootElement;
    }
}
