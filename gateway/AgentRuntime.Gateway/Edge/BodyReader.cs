using System.Buffers;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>Reads a request's body whole, up to a bound. Stateless.</summary>
internal static class BodyReader
{
    /// <exception cref="RuntimeErrorException">AR1003: longer than the bound. AR1010: compressed.</exception>
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
            var read = await pipe.ReadAsync(cancellationToken);
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

    private static RuntimeErrorException TooLarge(int maxBytes) => new(new RuntimeError(
        ReasonCodes.BodyTooLarge, $"the body is longer than {maxBytes} bytes", "body"));
}
