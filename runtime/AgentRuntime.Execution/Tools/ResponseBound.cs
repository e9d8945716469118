using System.Net.Http.Headers;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Lets no response of a tool server have more than so many bytes or messages, whether or not it ever ends: reading
/// further fails. A client opens no standing streams, so that each response is the answer to one request, with what the
/// server tells and asks on the way to it, and the whole of it can be bounded. What a server asks is answered with a
/// request of its own, beside the calls, whoever waits for them; so the requests at a time are bounded too.
/// Thread-safe.
/// </summary>
/// <param name="maxBytes">The most bytes of one response's body.</param>
internal sealed class ResponseBound(long maxBytes) : DelegatingHandler
{
    /// <summary>
    /// The most messages of one response. Each takes some kilobytes until it is dealt with, many times its own size.
    /// </summary>
    internal const int MaxMessages = 1_000;

    /// <summary>The most requests that are under way or wait for a connection.</summary>
    private const int MaxRequests = 1_024;

    private int _requests;

    /// <summary>Whether a request failed because its response was too long.</summary>
    public static bool IsExceededIn(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
            if (e is RuntimeErrorException { Error.Code: var code } && code == ReasonCodes.ToolResultTooLarge)
                return true;
        return false;
    }

    /// <summary>What reading too far fails with. No I/O error: clients take one for a lost connection.</summary>
    public static RuntimeErrorException Exceeded(long maxBytes) => new(new RuntimeError(
        ReasonCodes.ToolResultTooLarge, $"A tool server's response has more than {maxBytes} bytes."));

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HeardAnswer.Sent(request);
        try
        {
            if (Interlocked.Increment(ref _requests) > MaxRequests)
                throw new HttpRequestException($"{MaxRequests} requests to the tool server are under way");
            var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            HeardAnswer.Came(request, response);
            return await BoundedAsync(response, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _requests);
        }
    }

    /// <summary>
    /// The client closes neither an answer that breaks off while it reads it nor one of a type that it does not read:
    /// the connection would be kept until the collector finds it. So it gets what has been read already, except for
    /// streams of events and errors, which it closes.
    /// </summary>
    private async Task<HttpResponseMessage> BoundedAsync(
        HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            var isEvents = IsType(response, "text/event-stream");
            var bounded = new BoundedStream(body, maxBytes, isEvents ? new EventStreamCount() : null);
            response.Content = With(
                response.Content.Headers,
                isEvents || !response.IsSuccessStatusCode
                    ? new StreamContent(bounded)
                    : await ReadAsync(bounded, IsType(response, "application/json"), cancellationToken)
                        .ConfigureAwait(false));
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private static async Task<HttpContent> ReadAsync(
        BoundedStream body, bool isRead, CancellationToken cancellationToken)
    {
        await using (body.ConfigureAwait(false))
        {
            var read = new MemoryStream();
            if (isRead)
                await body.CopyToAsync(read, cancellationToken).ConfigureAwait(false);
            return new ByteArrayContent(read.GetBuffer(), 0, (int)read.Length);
        }
    }

    private static HttpContent With(HttpContentHeaders headers, HttpContent content)
    {
        foreach (var (name, values) in headers.NonValidated)
            if (!(content is ByteArrayContent && name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)))
                content.Headers.TryAddWithoutValidation(name, values);
        return content;
    }

    private static bool IsType(HttpResponseMessage response, string type) =>
        string.Equals(response.Content.Headers.ContentType?.MediaType, type, StringComparison.OrdinalIgnoreCase);

    private static RuntimeErrorException TooTalkative() => new(new RuntimeError(
        ReasonCodes.ToolResultTooLarge, $"A tool server's response has more than {MaxMessages} messages."));

    /// <summary>Counts what is read. Owns the stream; single reader.</summary>
    private sealed class BoundedStream(Stream inner, long most, EventStreamCount? events) : Stream
    {
        private long _read;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) =>
            Counted(buffer.AsSpan(offset), inner.Read(buffer, offset, count));

        public override async ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            return Counted(buffer.Span, read);
        }

        public override Task<int> ReadAsync(
            byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
            // Nothing is written.
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }

        private int Counted(ReadOnlySpan<byte> buffer, int read)
        {
            if ((_read += read) > most)
                throw Exceeded(most);
            events?.Add(buffer[..read]);
            return events is { Events: > MaxMessages } ? throw TooTalkative() : read;
        }
    }
}
