using System.Buffers;
using System.IO.Pipelines;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>Reads a request's body whole, up to a bound. Stateless.</summary>
internal static class BodyReader
{
    /// <exception cref="RuntimeErrorException">AR1003: longer than the bound. AR1010: compressed.</exception>
    /// <exception cref="BadHttpRequestException">It breaks off, or is not framed as HTTP wants it.</exception>
    public static ValueTask<byte[]> ReadAsync(
        HttpContext context, int maxBytes, CancellationToken cancellationToken) =>
        ReadAsync(context, maxBytes, null, default, null, cancellationToken);

    /// <summary>Reads one whose bytes, if it is not small, count as the tenant's until its request ends.</summary>
    /// <exception cref="RuntimeErrorException">As above; AR4009 and AR6004: too many bytes are in hand.</exception>
    public static ValueTask<byte[]> ReadAsync(
        HttpContext context, int maxBytes, BodyBytes counted, TenantId tenant, CancellationToken cancellationToken) =>
        ReadAsync(context, maxBytes, counted, tenant, null, cancellationToken);

    /// <summary>Reads one whose bytes, if it is not small, count until the caller disposes of what holds
    /// them.</summary>
    /// <exception cref="RuntimeErrorException">As above.</exception>
    public static ValueTask<byte[]> ReadAsync(
        HttpContext context, int maxBytes, BodyBytes.Held held, CancellationToken cancellationToken) =>
        ReadAsync(context, maxBytes, null, default, held, cancellationToken);

    private static async ValueTask<byte[]> ReadAsync(
        HttpContext context,
        int maxBytes,
        BodyBytes? counted,
        TenantId tenant,
        BodyBytes.Held? held,
        CancellationToken cancellationToken)
    {
        if (context.Request.Headers.ContentEncoding.Count > 0)
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.UnsupportedParameter, "compressed bodies are not accepted", "Content-Encoding"));
        }

        if (context.Request.ContentLength > maxBytes)
            throw TooLarge(maxBytes);

        // The server's own limit stays: it reads what is left of a body that is refused here (up to that, and for five
        // seconds), so that a client that is still sending hears why instead of finding its connection broken.
        var pipe = context.Request.BodyReader;
        while (true)
        {
            var read = await ReadAsync(pipe, cancellationToken);
            if (read.Buffer.Length > maxBytes)
            {
                pipe.AdvanceTo(read.Buffer.End);
                throw TooLarge(maxBytes);
            }

            if (read.Buffer.Length > LargeBodies.SmallBytes)
            {
                if (held is null && counted is not null)
                    context.Response.RegisterForDispose(held = counted.Enter(tenant));
                if (held?.GrowTo(read.Buffer.Length) is { } refusal)
                {
                    pipe.AdvanceTo(read.Buffer.End);
                    throw new RuntimeErrorException(refusal);
                }
            }

            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                pipe.AdvanceTo(read.Buffer.End);
                return body;
            }

            pipe.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>A chunk whose size overflows is no bad request to the server, which throws its general error.</summary>
    private static async ValueTask<ReadResult> ReadAsync(PipeReader pipe, CancellationToken cancellationToken)
    {
        try
        {
            return await pipe.ReadAsync(cancellationToken);
        }
        catch (IOException e) when (e is not BadHttpRequestException)
        {
            throw new BadHttpRequestException(e.Message, e);
        }
    }

    private static RuntimeErrorException TooLarge(int maxBytes) => new(new RuntimeError(
        ReasonCodes.BodyTooLarge, $"the body is longer than {maxBytes} bytes", "body"));
}
