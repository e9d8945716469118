using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Sdk.Tests;

/// <summary>
/// A real HTTP server that answers as the edge would, one answer a path; remembers what it was asked.
/// </summary>
internal sealed class ScriptedEdge : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ScriptedEdge(WebApplication app) => _app = app;

    public List<(string Method, string Path, string Authorization, string Body)> Requests { get; } = [];

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
            var answer = answers.FirstOrDefault(a => a.Method == context.Request.Method && a.Path == path);
            context.Response.StatusCode = answer.Path is null ? 404 : answer.Status;
            context.Response.ContentType = answer.ContentType;
            await context.Response.WriteAsync(answer.Body ?? "");
        });
        await edge._app.StartAsync();
        return edge;
    }

    public AgentRuntimeClient Client() => new(Address, "ar_test_key");

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
