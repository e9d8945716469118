using System.Buffers;
using System.Globalization;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>In which form an endpoint answers errors; endpoint metadata.</summary>
internal sealed record ErrorForm(bool OpenAi)
{
    public static ErrorForm Problem { get; } = new(false);

    public static ErrorForm OpenAiObject { get; } = new(true);
}

/// <summary>
/// Makes every error answer of the edge: OpenAI's error object on inference endpoints, RFC 9457 problem details
/// elsewhere. Stateless.
/// </summary>
internal static class ErrorWriter
{
    public static Task WriteAsync(HttpContext context, RuntimeError error) =>
        WriteAsync(context, error, ErrorStatus.Of(error.Code));

    public static Task WriteAsync(HttpContext context, RuntimeError error, int status)
    {
        var response = context.Response;
        response.StatusCode = status;
        if (status == 401)
        {
            response.Headers.WWWAuthenticate = error.Code == ReasonCodes.MissingCredential
                ? "Bearer realm=\"agentruntime\""
                : "Bearer realm=\"agentruntime\", error=\"invalid_token\"";
        }

        if (error.RetryAfter is { } wait)
        {
            response.Headers.RetryAfter =
                Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        var openAi = context.GetEndpoint()?.Metadata.GetMetadata<ErrorForm>() == ErrorForm.OpenAiObject;
        response.ContentType = openAi ? "application/json" : "application/problem+json";
        var body = openAi ? OpenAiBody(error) : Problem(context, error, status);
        response.ContentLength = body.Length;
        return response.Body.WriteAsync(body, CancellationToken.None).AsTask();
    }

    /// <summary><c>{"error":{message,type,param,code}}</c>, also sent inside a stream that has begun.</summary>
    public static ReadOnlyMemory<byte> OpenAiBody(RuntimeError error)
    {
        var output = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteStartObject("error"u8);
            json.WriteString("message"u8, error.Action is null ? error.Message : $"{error.Message}. {error.Action}");
            json.WriteString("type"u8, ErrorStatus.OpenAiType(error.Code));
            json.WriteString("param"u8, error.Where);
            json.WriteString("code"u8, error.Code.ToString());
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return output.WrittenMemory;
    }

    private static ReadOnlyMemory<byte> Problem(HttpContext context, RuntimeError error, int status) =>
        JsonSerializer.SerializeToUtf8Bytes(
            new ProblemResource(
                $"urn:agentruntime:error:{error.Code}",
                error.Message,
                status,
                error.Code.ToString(),
                error.Where,
                error.Action,
                context.TraceIdentifier),
            WireJson.Default.ProblemResource);
}
