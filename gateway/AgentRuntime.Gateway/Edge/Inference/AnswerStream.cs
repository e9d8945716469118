using System.Buffers;
using System.IO.Pipelines;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// Passes an answer on as server-sent events. What is there is sent at once: it flushes whenever the next chunk is not
/// there yet, so that a burst costs one write and a lone token waits for nothing. Stateless.
/// </summary>
internal static class AnswerStream
{
    private const int MaxUnflushedBytes = 16 << 10;

    /// <param name="context">Whose response has not begun.</param>
    /// <param name="chunks">The answer, its first chunk current.</param>
    /// <param name="includeUsage">Whether the client wants the usage chunk.</param>
    /// <param name="client">Sends it.</param>
    /// <param name="cancellationToken">Ends the stream.</param>
    public static async Task WriteAsync(
        HttpContext context,
        IAsyncEnumerator<InferenceChunk> chunks,
        bool includeUsage,
        ClientFlush client,
        CancellationToken cancellationToken)
    {
        var response = context.Response;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        var output = response.BodyWriter;
        try
        {
            while (true)
            {
                var chunk = chunks.Current;
                if (!chunk.Raw.IsEmpty && (includeUsage || chunk.Usage is null))
                    WriteEvent(output, chunk.Raw.Span);

                var next = chunks.MoveNextAsync();
                var flushes = !next.IsCompleted || output.UnflushedBytes > MaxUnflushedBytes;
                if (!await (flushes ? client.FlushAsync(context, next, cancellationToken) : next))
                    break;
            }

            WriteEvent(output, "[DONE]"u8);
        }
        catch (Exception e) when (e is not StreamBrokenException && !context.RequestAborted.IsCancellationRequested)
        {
            // The status has been sent; an error event is the only way left to say that the answer is not whole.
            WriteEvent(output, ErrorWriter.OpenAiBody(EdgeRequest.ErrorOf(e)).Span);
            await client.FlushAsync(context, default, CancellationToken.None);
            throw new StreamBrokenException(e);
        }

        await client.FlushAsync(context, default, cancellationToken);
    }

    private static void WriteEvent(PipeWriter output, ReadOnlySpan<byte> data)
    {
        output.Write("data: "u8);
        if (data.IndexOfAny((byte)'\r', (byte)'\n') < 0)
            output.Write(data);
        else
            WriteInOneLine(output, data);
        output.Write("\n\n"u8);
    }

    // JSON has no raw line breaks but between its tokens, where a space means the same.
    private static void WriteInOneLine(PipeWriter output, ReadOnlySpan<byte> data)
    {
        var target = output.GetSpan(data.Length)[..data.Length];
        data.CopyTo(target);
        target.Replace((byte)'\r', (byte)' ');
        target.Replace((byte)'\n', (byte)' ');
        output.Advance(data.Length);
    }
}

/// <summary>A stream ended with an error that the client has already been told.</summary>
internal sealed class StreamBrokenException(Exception inner) : Exception("the stream ended with an error event", inner);
