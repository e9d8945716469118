using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Lets no response of a tool server have more than so many bytes, whether or not it ever ends: reading further fails.
/// A client opens no standing streams, so that each response is the answer to one request, with what the server tells
/// on the way to it, and the whole of it can be bounded. Thread-safe.
/// </summary>
/// <param name="maxBytes">The most bytes of one response's body.</param>
internal sealed class ResponseBound(long maxBytes) : DelegatingHandler
{
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
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var bounded = new StreamContent(new BoundedStream(body, maxBytes));
        foreach (var (name, values) in response.Content.Headers.NonValidated)
            bounded.Headers.TryAddWithoutValidation(name, values);
        response.Content = bounded;
        return response;
    }

    /// <summary>Counts what is read. Owns the stream; single reader.</summary>
    private sealed class BoundedStream(Stream inner, long most) : Stream
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
            Counted(inner.Read(buffer, offset, count));

        public override async ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Counted(await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

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

        private int Counted(int read) => (_read += read) <= most ? read : throw Exceeded(most);
    }
}
