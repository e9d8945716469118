using System.Net;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.Sdk;
using AgentRuntime.TestKit;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using ChatOptions = Microsoft.Extensions.AI.ChatOptions;
using ChatRole = Microsoft.Extensions.AI.ChatRole;

namespace AgentRuntime.Integration.Tests;

/// <summary>Clients that others wrote, and the ways to point the platform at other models.</summary>
public class ClientTests(RunningPlatform platform) : IClassFixture<RunningPlatform>
{
    [Fact]
    public async Task The_openai_client_talks_to_the_platform_unchanged()
    {
        var peers = Path.Combine(Repository.Root, "tests", "peers");
        Assert.True(Directory.Exists(Path.Combine(peers, "node_modules", "openai")), "run npm ci in tests/peers");

        var url = platform.Url.GetLeftPart(UriPartial.Authority);
        var (exit, output) = await ChildProcess.RunAsync(
            "node", [Path.Combine(peers, "openai-client.mjs"), url, platform.ApiKey, "demo"]);

        Assert.True(exit == 0, output);
        using var seen = JsonDocument.Parse(output);
        Assert.NotEqual("", seen.RootElement.GetProperty("whole").GetProperty("content").GetString());
        var stream = seen.RootElement.GetProperty("stream");
        Assert.NotEqual("", stream.GetProperty("content").GetString());
        Assert.True(stream.GetProperty("usage").GetProperty("completion_tokens").GetInt32() > 0);
        Assert.Equal("AR1002", seen.RootElement.GetProperty("unauthorized").GetProperty("code").GetString());
    }

    [Fact]
    public async Task The_sdk_is_a_chat_client()
    {
        using var client = platform.Client();
        using var chat = new RuntimeChatClient(client, "demo");

        // Greedy, for the model writes noise: sampled, it sometimes ends before its first word.
        var response = await chat.GetResponseAsync(
            [new ChatMessage(ChatRole.User, "Hello")], new ChatOptions { MaxOutputTokens = 8, Temperature = 0 });

        Assert.NotEqual("", response.Text);
        Assert.True(response.Usage?.OutputTokenCount > 0);
    }

    [Fact]
    public async Task What_the_sdk_is_told_about_tools_and_images_reaches_the_platform()
    {
        using var client = platform.Client();
        using var chat = new RuntimeChatClient(client, "demo");
        AITool[] tools =
        [
            AIFunctionFactory.Create(static (bool express) => express, "ship", "Ships an order."),
            AIFunctionFactory.Create(static (bool whole) => whole, "refund", "Refunds an order."),
        ];

        var response = await chat.GetResponseAsync(
            [new ChatMessage(ChatRole.User, "Hello")],
            new ChatOptions
            {
                Instructions = "Be brief.", Tools = tools, ToolMode = ChatToolMode.RequireSpecific("refund"),
                MaxOutputTokens = 256, Temperature = 0, FrequencyPenalty = 0.1f,
            });
        var image = await Assert.ThrowsAsync<RuntimeErrorException>(() => chat.GetResponseAsync(
            [new ChatMessage(ChatRole.User, [new UriContent("http://169.254.169.254/x.png", "image/png")])]));

        var call = Assert.Single(response.Messages.SelectMany(m => m.Contents).OfType<FunctionCallContent>());
        Assert.Equal("refund", call.Name);
        Assert.Equal(ReasonCodes.UnsupportedParameter, image.Error.Code);
    }

    [Fact]
    public async Task Another_openai_compatible_server_can_serve_as_backend()
    {
        // The backend is this platform itself: it speaks the same wire as any other.
        var behind = new RunningPlatform
        {
            ExtraArguments = ["--backend", platform.Url.ToString()],
            ExtraEnvironment = { ["OPENAI_API_KEY"] = platform.ApiKey },
        };
        await behind.InitializeAsync();
        try
        {
            using var client = behind.Client();
            var run = await client.Runs.RunToEndAsync("demo/digest", "one two", null, CancellationToken.None);

            Assert.Equal("succeeded", run.Status);
            Assert.True(run.Usage.OutputTokens > 0);
            Assert.Empty(behind.NodeIds());
        }
        finally
        {
            await behind.DisposeAsync();
        }
    }

    [Fact]
    public async Task Colocated_and_with_a_model_of_ones_own_prefill_and_decode_share_an_engine()
    {
        var model = Path.Combine(platform.State, "models", "noise.gguf");
        var colocated = new RunningPlatform { ExtraArguments = ["--colocated", "--model", model] };
        await colocated.InitializeAsync();
        try
        {
            using var http = colocated.Http();
            using var response = await http.PostAsync("v1/chat/completions", EdgeTests.Json(
                """{"model":"demo","messages":[{"role":"user","content":"Hello"}],"max_tokens":8}"""));

            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(
                response.Headers.GetValues("x-agentruntime-prefill-engine").Single(),
                response.Headers.GetValues("x-agentruntime-decode-engine").Single());
        }
        finally
        {
            await colocated.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_backend_that_is_down_is_told_at_start()
    {
        var (exit, output) = await ChildProcess.RunAsync("dotnet",
        [
            Programs.Platform, "all",
            "--state", Path.Combine(platform.State, "nowhere"), "--backend", "http://127.0.0.1:9",
        ]);

        Assert.Equal(1, exit);
        Assert.Contains("AR4002", output, StringComparison.Ordinal);
    }
}
