using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>
/// An engine on the wire that does as little as it can: what is measured is the way to it, and on a small machine
/// whatever it used would be missing there. A simulated node of the product schedules, caches, writes one event after
/// the other and so takes several times the edge's own time for a request; requests a second are therefore measured
/// against this one, and the figures that are about streams against both. An answer is made once for each length and
/// sent with one write, whether the client asks for a stream or not.
/// </summary>
internal static class LeanEngine
{
    private const int UsualTokens = 16;

    private const string Head =
        """{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"sim","choices":[{"index":0,""";

    private static readonly ConcurrentDictionary<(int Tokens, bool Stream), byte[]> Answers = new();

    public static async Task RunAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
        var app = builder.Build();
        app.Run(context => context.Request.Path.Value switch
        {
            "/v1/chat/completions" => AnswerAsync(context),
            "/health" => Task.CompletedTask,
            "/v1/models" => context.Response.WriteAsync(
                """{"object":"list","data":[{"id":"sim","object":"model","max_model_len":32768}]}"""),
            _ => NothingAsync(context),
        });
        await Servers.RunAsync(app);
    }

    private static Task NothingAsync(HttpContext context)
    {
        context.Response.StatusCode = 404;
        return Task.CompletedTask;
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        var read = await context.Request.BodyReader.ReadAsync();
        while (!read.IsCompleted)
        {
            context.Request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            read = await context.Request.BodyReader.ReadAsync();
        }

        var asked = Asked(read.Buffer);
        context.Request.BodyReader.AdvanceTo(read.Buffer.End);
        var answer = Answers.GetOrAdd(asked, static a => a.Stream ? Streamed(a.Tokens) : Whole(a.Tokens));
        context.Response.ContentType = asked.Stream ? "text/event-stream" : "application/json";
        if (!asked.Stream)
            context.Response.ContentLength = answer.Length;

        // Not flushed: the end of the body goes with it.
        context.Response.BodyWriter.Write(answer);
    }

    private static (int Tokens, bool Stream) Asked(ReadOnlySequence<byte> body)
    {
        var (tokens, stream) = (UsualTokens, false);
        var json = new Utf8JsonReader(body);
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("max_tokens"u8) && json.Read())
                tokens = json.GetInt32();
            else if (json.ValueTextEquals("stream"u8) && json.Read())
                stream = json.GetBoolean();
            else
                json.Skip();
        }

        return (tokens, stream);
    }

    private static byte[] Whole(int tokens) => System.Text.Encoding.UTF8.GetBytes(
        """{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"sim","choices":[{"index":0,"message":"""
        + $$"""{"role":"assistant","content":"{{string.Concat(Enumerable.Repeat(" token", tokens))}}"},"""
        + $$""" "finish_reason":"length"}],"usage":{{Usage(tokens)}}}""");

    private static byte[] Streamed(int tokens) => System.Text.Encoding.UTF8.GetBytes(
    [
        .. Event(Head + "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}"),
        .. string.Concat(Enumerable.Repeat(
            Event(Head + "\"delta\":{\"content\":\" token\"},\"finish_reason\":null}]}"), tokens)),
        .. Event(Head + "\"delta\":{},\"finish_reason\":\"length\"}]}"),
        .. Event(
            """{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"sim","choices":[],"""
            + $$""" "usage":{{Usage(tokens)}}}"""),
        .. "data: [DONE]\n\n",
    ]);

    private static string Usage(int tokens) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"prompt_tokens":20,"completion_tokens":{{tokens}},"total_tokens":{{20 + tokens}}}""");

    private static string Event(string json) => $"data: {json}\n\n";
}
