using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Sdk.Tests;

/// <summary>
/// A real HTTP server that answers as the edge would; remembers what it was asked. Several answers for one path are
/// given in turn, the last of them again and again.
/// </summary>
internal sealed class ScriptedEdge : IAsyncDisposable
{
    /// <summary>In place of a status: 200, and the connection breaks after the body.</summary>
    public const int Breaks = 0;

    /// <summary>In place of a status: 200, and after the body nothing more comes until the client goes.</summary>
    public const int Hangs = -1;

    private readonly WebApplication _app;

    private ScriptedEdge(WebApplication app) => _app = app;

    public List<(string Method, string Path, string Authorization, string Body)> Requests { get; } = [];

    /// <summary>What each request for events gave as the last that it has seen.</summary>
    public List<string> LastEventIds { get; } = [];

    /// <summary>Told of each request's path before it is answered.</summary>
    public Action<string> Asked { get; set; } = static _ => { };

    public Uri Address => new(_app.Urls.Single());

    public static async Task<ScriptedEdge> StartAsync(
        params (string Method, string Path, int Status, string ContentType, string Body)[] answers)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var edge = new ScriptedEdge(builder.Build());
        edge._app.Run(async context =>
        {
            var path = context.Request.Path + context.Request.QueryString.Value;
            using var reader = new StreamReader(context.Request.Body);
            var authorization = context.Request.Headers.Authorization.ToString();
            edge.Requests.Add((context.Request.Method, path, authorization, await reader.ReadToEndAsync()));
            if (path.EndsWith("/events", StringComparison.Ordinal))
                edge.LastEventIds.Add(context.Request.Headers["Last-Event-ID"].ToString());
            edge.Asked(path);
            var fitting = answers.Where(a => a.Method == context.Request.Method && a.Path == path).ToArray();
            var turn = edge.Requests.Count(r => r.Method == context.Request.Method && r.Path == path) - 1;
            var answer = fitting.Length == 0 ? default : fitting[Math.Min(turn, fitting.Length - 1)];
            context.Response.StatusCode = answer.Path is null ? 404 : answer.Status > 0 ? answer.Status : 200;
            context.Response.ContentType = answer.ContentType;
            await context.Response.WriteAsync(answer.Body ?? "");
            if (answer.Path is null || answer.Status > 0) return;
            await context.Response.Body.FlushAsync();
            if (answer.Status == Hangs) await new TaskCompletionSource().Task.WaitAsync(context.RequestAborted);
            throw new IOException("the server sends what was written and closes the connection");
        });
        await edge._app.StartAsync();
        return edge;
    }

    public AgentRuntimeClient Client(TimeProvider? time = null) => new(Address, "ar_test_key", time: time);

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
