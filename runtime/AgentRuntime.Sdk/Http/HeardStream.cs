namespace AgentRuntime.Sdk.Http;

/// <summary>
/// A body that is read as long as something comes now and then: a connection that broke without a word would be waited
/// for without an end. Reads only; one reader at a time.
/// </summary>
/// <param name="body">The body; closed with this.</param>
/// <param name="silence">How long nothing may come.</param>
/// <param name="heard">Called when something has come.</param>
internal sealed class HeardStream(Stream body, SilenceLimit silence, Action heard) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    /// <exception cref="HttpIOException">Nothing came for too long.</exception>
    public override async ValueTask<int> ReadAsync(
        Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await silence.WithinAsync(
            token => body.ReadAsync(buffer, token).AsTask(), cancellationToken);
        if (count > 0) heard();
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) body.Dispose();
        base.Dispose(disposing);
    }
}
