using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway;

/// <summary>
/// The outermost step of every request: gives it an id, and turns whatever goes wrong inside into an answer. Requests
/// whose client has gone away end quietly.
/// </summary>
internal sealed class EdgeRequest(RequestDelegate next, TimeProvider time, ILogger<EdgeRequest> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var id = RequestName.New("req_", time.GetUtcNow());
        context.TraceIdentifier = id;
        context.Response.Headers["X-Request-Id"] = id;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        try
        {
            await next(context);
            if (!context.Response.HasStarted && context.Response is { StatusCode: 404 or 405, ContentLength: null })
                await NoEndpointAsync(context);
        }
        catch (StreamBrokenException e)
        {
            if (ErrorOf(e.InnerException!).Code == ReasonCodes.Internal)
                GatewayLog.InternalError(logger, id, e);
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested)
        {
            if (e is not (OperationCanceledException or IOException))
                GatewayLog.InternalError(logger, id, e);
        }
        catch (Exception e)
        {
            await AnswerAsync(context, id, e);
        }
    }

    private async Task AnswerAsync(HttpContext context, string id, Exception e)
    {
        var error = ErrorOf(e);
        if (error.Code == ReasonCodes.Internal)
            GatewayLog.InternalError(logger, id, e);
        if (context.Response.HasStarted)
            context.Abort();
        else
            await ErrorWriter.WriteAsync(context, error);
    }

    /// <summary>
    /// The error that a client may see for an exception; nothing of an unexpected one but that it happened.
    /// </summary>
    public static RuntimeError ErrorOf(Exception e) => e switch
    {
        RuntimeErrorException known => known.Error,
        BadHttpRequestException { StatusCode: 413 } =>
            new RuntimeError(ReasonCodes.BodyTooLarge, "the request body is too large", "body"),
        BadHttpRequestException bad => new RuntimeError(ReasonCodes.MalformedRequest, bad.Message),
        JsonException json => new RuntimeError(
            ReasonCodes.MalformedRequest, "the body is not the JSON that this endpoint takes", json.Path ?? "body"),
        OperationCanceledException => new RuntimeError(
            ReasonCodes.EngineTimeout, "the request did not end in time", null, "Ask for less, or try again."),
        _ => new RuntimeError(
            ReasonCodes.Internal, "the platform failed", null, "Tell the operator the request id."),
    };

    private static Task NoEndpointAsync(HttpContext context)
    {
        var status = context.Response.StatusCode;
        var error = status == 404
            ? new RuntimeError(ReasonCodes.NotFound, "there is nothing at this address", context.Request.Path)
            : new RuntimeError(
                ReasonCodes.MalformedRequest, "this address does not take that method", context.Request.Method);
        return ErrorWriter.WriteAsync(context, error, status);
    }
}
