using System.Buffers;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Client;

namespace AgentRuntime.Gateway;

/// <summary>
/// Generate calls read as the body of an HTTP answer: server-sent events, or one object. It asks for the next message
/// when its reader wants more, so that a slow client slows the engine down; several prompts run at once and are read
/// one after the other. Disposing it before its end cancels the calls and aborts the requests. Single reader.
/// </summary>
internal sealed class GrpcAnswer : Stream
{
    private static readonly TimeSpan AbortWithin = TimeSpan.FromSeconds(2);

    // Messages in a row of which nothing comes: special tokens, halves of characters, text that may be a tool call.
    private const int MaxIdleMessages = 100_000;
    private const int IdleMessagesInOneGo = 64;

    private readonly EngineDialect _dialect;
    private readonly LegCall _leg;
    private readonly RpcCallOptions _options;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<IGeneration> _calls = [];
    private readonly GenerateJson _json;
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private int _prompt;
    private int _read;
    private bool _ended;
    private bool _failed;
    private bool _disposed;

    /// <exception cref="LegRefusal">The engine's messages cannot carry the leg.</exception>
    public GrpcAnswer(
        EngineDialect dialect, LegCall leg, string requestId, RpcCallOptions options, EngineVocabulary vocabulary,
        TimeProvider time)
    {
        _dialect = dialect;
        _leg = leg;
        _options = options;
        _json = new(leg, vocabulary, requestId, time.GetUtcNow().ToUnixTimeSeconds());
        foreach (var request in leg.Requests)
            _calls.Add(dialect.Generate(request, leg.Bootstrap, options, _stop.Token));
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Waits for the engine's first word, which may be a refusal.</summary>
    /// <exception cref="RpcException">The engine refused or failed.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task BeginAsync(CancellationToken cancellationToken)
    {
        await using var registration = Cancelling(cancellationToken);
        await FillAsync();
    }

    /// <exception cref="IOException">The engine broke off.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await using var registration = Cancelling(cancellationToken);
        try
        {
            while (_read == _buffer.WrittenCount && !_ended && !_failed)
                await FillAsync();
        }
        catch (RpcException e) when (e.IsAnswer && !cancellationToken.IsCancellationRequested)
        {
            // It says why; nothing more of it follows. Only a stream has begun by now.
            GenerateJson.WriteError(_buffer, e);
            _failed = true;
        }
        catch (RpcException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new IOException(e.Message, e);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }

        var count = Math.Min(buffer.Length, _buffer.WrittenCount - _read);
        _buffer.WrittenMemory.Slice(_read, count).CopyTo(buffer);
        _read += count;
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
        // Nothing is written.
    }

    public override async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        foreach (var call in _calls)
            await call.DisposeAsync();
        var left = _leg.Requests.Where((_, i) => i >= _prompt && _calls[i].Status?.Code is null
            or RpcStatusCode.Cancelled).Select(r => r.RequestId).ToList();
        if (!_ended && left.Count > 0)
            await AbortAsync(left);
        _stop.Dispose();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        // HttpResponseMessage only disposes so; the call's own end does not wait for anything but itself.
        if (disposing && !_disposed)
            _ = DisposeAsync().AsTask();
        base.Dispose(disposing);
    }

    private CancellationTokenRegistration Cancelling(CancellationToken cancellationToken) =>
        cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _stop);

    private async Task FillAsync()
    {
        _buffer.ResetWrittenCount();
        _read = 0;
        for (var idle = 0; _buffer.WrittenCount == 0 && !_ended; idle++)
        {
            if (idle > MaxIdleMessages)
                throw new IOException("the engine's answer says nothing and has no end");

            // Messages that are there already are read without a wait, and whoever called would never get on.
            if (idle % IdleMessagesInOneGo == IdleMessagesInOneGo - 1)
                await Task.Yield();
            var response = await _calls[_prompt].ReadAsync();
            if (response is not null)
            {
                _json.Write(_buffer, _prompt, response);
                continue;
            }

            if (!_json.IsComplete(_prompt))
                throw new IOException("the engine's stream ended before its answer");
            _ended = ++_prompt == _calls.Count;
            if (_ended)
                _json.WriteEnd(_buffer);
        }
    }

    /// <summary>
    /// The reset of the stream ends the request where the engine heeds it; Abort does so everywhere. Best effort: an
    /// engine that does not answer is dealt with by its probe.
    /// </summary>
    private async Task AbortAsync(IReadOnlyList<string> requests)
    {
        try
        {
            await _dialect.AbortAsync(requests, _options with { Timeout = AbortWithin });
        }
        catch (Exception e) when (e is RpcException or ObjectDisposedException)
        {
            System.Diagnostics.Activity.Current?.AddEvent(new("abort failed"));
        }
    }
}
