using System.Globalization;
using System.Net;
using System.Net.Sockets;
using AgentRuntime.Abstractions;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Integration.Tests;

/// <summary>
/// llama.cpp's own server behind the gateway, where <c>tests/peers/llama-server/build</c> has built it: an engine that
/// others wrote, with the demo model and the chat template of its file.
/// </summary>
public sealed class LlamaServerTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task It_plays_the_demo_with_tools_that_the_models_template_shows()
    {
        var (exitCode, program) = await ChildProcess.RunAsync(
            Path.Combine(Repository.Root, "tests", "peers", "llama-server", "build"), ["--cached"]);
        if (exitCode != 0)
        {
            output.WriteLine("SKIPPED: tests/peers/llama-server/build has not been run");
            return;
        }

        var address = FreeAddress();
        await using var server = ChildProcess.Start(
            program.Trim(),
            [
                "--model", Path.Combine(Repository.Root, "gateway", "models", "demo", "demo.gguf"),
                "--host", "127.0.0.1", "--port", address.Port.ToString(CultureInfo.InvariantCulture),
                "--jinja", "--threads", "1", "--parallel", "2", "--ctx-size", "4096",
            ],
            environment: null);
        await IsHealthyAsync(server, address);
        var behind = new RunningPlatform { ExtraArguments = ["--backend", address.ToString()] };
        await behind.InitializeAsync();
        try
        {
            await PlayAsync(behind);
        }
        finally
        {
            await behind.DisposeAsync();
        }
    }

    private static async Task PlayAsync(RunningPlatform behind)
    {
        using var client = behind.Client();
        var events = new List<RunEventData>();

        var run = await client.Runs.RunToEndAsync(
            "demo/triage",
            """
            {"id":"T-2","customer_id":"CUS-001","customer":"Ines Albrecht","order_id":"ORD-1001",
             "text":"The scarf arrived with a tear along the seam. I would like a refund."}
            """,
            e => events.Add(e.Data),
            CancellationToken.None);

        Assert.Equal("succeeded", run.Status);
        Assert.Equal(
            ["shop/lookup_order", "shop/refund"], events.OfType<ToolDecided>().Select(decided => decided.Tool));
        Assert.Equal(3, events.OfType<ChatCompleted>().Count());
        Assert.Contains("Ines Albrecht", run.Output, StringComparison.Ordinal);
    }

    private static Uri FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
    }

    private static async Task IsHealthyAsync(ChildProcess server, Uri address)
    {
        using var http = new HttpClient { BaseAddress = address };
        using var patience = new CancellationTokenSource(Patience);
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        do
        {
            Assert.False(server.Exited.IsCompleted, server.Output);
            try
            {
                using var health = await http.GetAsync("health", patience.Token);
                if (health.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }
        }
        while (await tick.WaitForNextTickAsync(patience.Token));
    }
}
