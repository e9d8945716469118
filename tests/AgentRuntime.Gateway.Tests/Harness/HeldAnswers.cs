using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway.Tests;

/// <summary>
/// Stands before an engine in a process of its own and, when told to, keeps back what follows the beginning of a long
/// answer: a stream is then under way for as long as a test says, however fast the engine is. Thread-safe.
/// </summary>
internal sealed class HeldAnswers : IAsyncDisposable
{
    /// <summary>Some tokens, and by far not all of those that a test asks for.</summary>
    private const int BeginningBytes = 4 << 10;

    private readonly WebApplication _app;
    private readonly HttpClient _http = new() { Timeout = Timeout.InfiniteTimeSpan };
    private volatile TaskCompletionSource? _held;

    private HeldAnswers(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    /// <summary>The engine; until it is set nothing is there.</summary>
    public Uri? Engine { get; set; }

    public static async Task<HeldAnswers> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var answers = new HeldAnswers(app);
        app.Run(answers.ServeAsync);
        await app.StartAsync();
        return answers;
    }

    /// <summary>Answers that begin from now on go no further.</summary>
    public void Hold() => _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void GoOn() => _held?.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        GoOn();
        await _app.DisposeAsync();
        _http.Dispose();
    }

    private async Task ServeAsync(HttpContext context)
    {
        if (Engine is not { } engine)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        using var request = new HttpRequestMessage(
            new(context.Request.Method), new Uri(engine, context.Request.Path + context.Request.QueryString));
        if (HttpMethods.IsPost(context.Request.Method))
        {
            request.Content = new StreamContent(context.Request.Body);
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(context.Request.ContentType!);
        }

        try
        {
            using var answer = await _http.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
            context.Response.StatusCode = (int)answer.StatusCode;
            context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
            await using var body = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
            var buffer = new byte[1024];
            var sent = 0;
            while (await body.ReadAsync(buffer, context.RequestAborted) is var read and > 0)
            {
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
                if ((sent += read) >= BeginningBytes && _held is { } held)
                    await held.Task.WaitAsync(context.RequestAborted);
            }
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The router went away.
        }
    }
}
