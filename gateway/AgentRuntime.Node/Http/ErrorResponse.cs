using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Node.Http;

/// <summary>Errors in OpenAI's form, with the AR code as <c>code</c>. The one place that maps codes to HTTP.</summary>
internal static class ErrorResponse
{
    public static int Status(RuntimeError error) => error.Code.Number switch
    {
        1003 => StatusCodes.Status413PayloadTooLarge,
        1004 or 1010 or 4006 => StatusCodes.Status400BadRequest,
        1005 or 1008 or 4012 => StatusCodes.Status404NotFound,
        4007 => StatusCodes.Status502BadGateway,
        4009 => StatusCodes.Status503ServiceUnavailable,
        4011 => StatusCodes.Status409Conflict,
        _ => StatusCodes.Status500InternalServerError,
    };

    public static async Task WriteAsync(HttpContext context, RuntimeError error)
    {
        if (context.Response.HasStarted) return;
        context.Response.Clear();
        context.Response.StatusCode = Status(error);
        context.Response.ContentType = "application/json";
        if (error.RetryAfter is { } wait)
            context.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(
                System.Globalization.CultureInfo.InvariantCulture);
        await using var writer = new Utf8JsonWriter(context.Response.BodyWriter);
        Write(writer, error);
        await writer.FlushAsync(context.RequestAborted);
    }

    /// <summary>Writes the error object.</summary>
    public static void Write(Utf8JsonWriter writer, RuntimeError error)
    {
        var status = Status(error);
        writer.WriteStartObject();
        writer.WriteStartObject("error");
        writer.WriteString("message", error.Action is null ? error.Message : $"{error.Message}. {error.Action}");
        writer.WriteString("type", status < 500 ? "invalid_request_error" : "server_error");
        writer.WriteString("param", error.Where);
        writer.WriteString("code", error.Code.ToString());
        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
