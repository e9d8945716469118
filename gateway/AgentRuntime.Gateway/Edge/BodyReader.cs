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
    public static async ValueTask<byte[]> ReadAsync(
        HttpContext context, int maxBytes, CancellationToken cancellationToken)
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
