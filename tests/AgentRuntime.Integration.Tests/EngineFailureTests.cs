using System.Diagnostics;
using System.Net;
using AgentRuntime.Abstractions;
using AgentRuntime.Integration.Tests.Processes;

namespace AgentRuntime.Integration.Tests;

/// <summary>What happens when the things that the platform depends on die.</summary>
public sealed class EngineFailureTests : IAsyncLifetime
{
    private readonly RunningPlatform _platform = new() { ContextTokens = 16_384 };

    public Task InitializeAsync() => _platform.InitializeAsync();

    public Task DisposeAsync() => _platform.DisposeAsync();

    [Fact]
    public async Task A_stream_whose_engines_die_ends_with_a_code_and_the_platform_recovers()
    {
        // So long a stream that it is under way still when this process or the machine has stood still for a while.
        using var http = _platform.Http();
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions")
        {
            Content = EdgeTests.Json(
                """
                {"model":"demo","stream":true,"max_tokens":16000,"ignore_eos":true,
                 "messages":[{"role":"user","content":"Hello"}]}
                """),
        };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is { } first && !first.StartsWith("data: ", StringComparison.Ordinal))
        {
        }

        // At one stroke: on a node that is left, or that has been started again, the stream would go on.
        using var kill = Process.Start("kill", ["-KILL", .. _platform.NodeIds().Select(id => $"{id}")]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);

        var rest = await reader.ReadToEndAsync();
        Assert.Matches("AR400[1-5]", rest);
        await AnswersAgainAsync(http);
    }

    [Fact]
    public async Task A_tool_server_that_is_down_is_told_to_the_agent_which_goes_on()
    {
        _platform.Shop.Kill();
        await _platform.Shop.Exited;
        using var client = _platform.Client();
        var events = new List<RunEventData>();

        var run = await client.Runs.RunToEndAsync(
            "demo/triage", DemoTests.DeletionTicket, e => events.Add(e.Data), CancellationToken.None);

        Assert.Equal("succeeded", run.Status);
        Assert.Contains(events.OfType<ToolFailed>(), failed => failed.Error.Code == "AR5001");
        Assert.Contains("AR5001", run.Output, StringComparison.Ordinal);
    }

    /// <summary>The supervisor starts dead nodes again; the router notices by its probes.</summary>
    private static async Task AnswersAgainAsync(HttpClient http)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            using var response = await http.PostAsync(
                "v1/chat/completions",
                EdgeTests.Json("""{"model":"demo","max_tokens":4,"messages":[{"role":"user","content":"Hi"}]}"""),
                patience.Token);
            if (response.IsSuccessStatusCode) return;
            Assert.Matches("AR(1008|400[1-5])", await response.Content.ReadAsStringAsync(patience.Token));
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, patience.Token);
        }
    }
}
