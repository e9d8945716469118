using System.Globalization;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// <c>POST /v1/responses</c>: OpenAI's Responses API over the same path as chat, without anything kept between
/// requests. Thread-safe.
/// </summary>
internal sealed class ResponsesEndpoint(EdgeOptions options, InferenceEndpoint inference, TimeProvider time)
{
    private readonly ClientFlush _client = new(options.ClientStallTimeout, time);

    public Task PostAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        ResponseEcho? echo = null;
        return inference.HandleAsync(
            context,
            caller,
            InferenceOperation.Chat,
            body =>
            {
                var chat = ResponsesRequest.ToChat(body, options.MaxJsonDepth);
                echo = ResponseEcho.Of(body, options.MaxJsonDepth);
                return chat;
            },
            (http, chunks, request, client, token) => AnswerAsync(http, chunks, request, client, echo!, token),
            cancellationToken);
    }

    private async Task AnswerAsync(
        HttpContext context,
        IAsyncEnumerator<InferenceChunk> chunks,
        InferenceRequest request,
        ClientRequest client,
        ResponseEcho echo,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var response = new ResponseObject(
            "resp_" + Guid.CreateVersion7(now).ToString("N", CultureInfo.InvariantCulture),
            request.Model,
            now.ToUnixTimeSeconds(),
            request.MaxOutputTokens,
            echo);
        if (client.Stream)
        {
            context.Response.ContentType = "text/event-stream; charset=utf-8";
            context.Response.Headers.CacheControl = "no-cache";
            context.Response.Headers["X-Accel-Buffering"] = "no";
            var events = new ResponseEvents(context.Response.BodyWriter, response);
            await events.WriteAsync(context, chunks, _client, cancellationToken);
            return;
        }

        do
        {
            response.Add(chunks.Current);
        }
        while (await chunks.MoveNextAsync());

        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        response.Write(json, ended: true);
    }
}
