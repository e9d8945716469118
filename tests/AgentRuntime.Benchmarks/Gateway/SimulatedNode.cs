using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>
/// An engine on the wire that computes nothing: what is measured is the way to it. The client's <c>user</c> says how
/// fast: <c>slow</c> is one token at once and then one a second, anything else as fast as the socket takes it. What is
/// there at the same moment shares a write: the node's own system calls are not what is measured.
/// </summary>
internal static class SimulatedNode
{
    private const int MaxUnflushedBytes = 16 << 10;

    private const string Head =
        """{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"sim","choices":[{"index":0,""";

    private static readonly byte[] Role = Event(
        Head + "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}");


    private static readonly byte[] Token = Event(Head + "\"delta\":{\"content\":\" token\"},\"finish_reason\":null}]}");
    private static readonly byte[] Finish = Event(Head + "\"delta\":{},\"finish_reason\":\"length\"}]}");

    public static async Task RunAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapGet("/health", (RequestDelegate)(_ => Task.CompletedTask));
        app.MapGet("/v1/models", (RequestDelegate)(context => context.Response.WriteAsync(
            """{"object":"list","data":[{"id":"sim","object":"model","max_model_len":32768}]}""")));
        app.MapPost("/v1/chat/completions", (RequestDelegate)AnswerAsync);
        await Servers.RunAsync(app);
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body);
        var root = body.RootElement;
        var tokens = root.TryGetProperty("max_tokens", out var max) ? max.GetInt32() : 16;
        var slow = root.TryGetProperty("user", out var user) && user.GetString() == "slow";
        var usage = string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"prompt_tokens":20,"completion_tokens":{{tokens}},"total_tokens":{{20 + tokens}}}""");
        if (!(root.TryGetProperty("stream", out var stream) && stream.GetBoolean()))
        {
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(
                """{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"sim","choices":[{"index":0,"""
                    + """ "message":{"role":"assistant","content":" token token token token"},"""
                    + $$""" "finish_reason":"length"}],"usage":{{usage}}}""");
            return;
        }

        context.Response.ContentType = "text/event-stream";
        var output = context.Response.BodyWriter;
        output.Write(Role);
        for (var i = 0; i < tokens && !context.RequestAborted.IsCancellationRequested; i++)
        {
            if (slow && i > 0)
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, context.RequestAborted);
            output.Write(Token);
            if (slow || output.UnflushedBytes > MaxUnflushedBytes)
                await output.FlushAsync();
        }

        output.Write(Finish);
        output.Write(Event(
            """{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"sim","choices":[],"usage":"""
                + usage + "}"));
        output.Write("data: [DONE]\n\n"u8);
        await output.FlushAsync();
    }

    private static byte[] Event(string json) => System.Text.Encoding.UTF8.GetBytes($"data: {json}\n\n");
}
