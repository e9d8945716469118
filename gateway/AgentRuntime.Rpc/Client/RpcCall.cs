using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using AgentRuntime.Rpc.Framing;
using AgentRuntime.Rpc.Metadata;
using Google.Protobuf;

namespace AgentRuntime.Rpc.Client;

/// <summary>
/// A call under way. One reader and one writer, which may be different threads. Disposing a call that has not ended
/// cancels it: the server sees RST_STREAM with CANCEL (PROTOCOL-HTTP2, Client Cancellation).
/// </summary>
public sealed class RpcCall<TRequest, TResponse> : IAsyncDisposable
    where TRequest : class, IMessage<TRequest>, new()
    where TResponse : class, IMessage<TResponse>, new()
{
    private readonly RpcChannel _channel;
    private readonly RpcMethod<TRequest, TResponse> _method;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource? _deadline;
    private readonly CancellationTokenSource _stop;
    private readonly RequestContent _content;
    private readonly Task<HttpResponseMessage> _sending;
    private CancellationTokenRegistration _onStop;
    private HttpResponseMessage? _response;
    private PipeReader? _pipe;
    private MessageReader<TResponse>? _reader;
    private RpcException? _failure;
    private bool _answered;

    internal RpcCall(
        RpcChannel channel, RpcMethod<TRequest, TResponse> method, RpcCallOptions options, TRequest? request,
        CancellationToken caller)
    {
        _channel = channel;
        _method = method;
        _caller = caller;
        _content = new(request is null ? null : RequestContent.Frame(request, channel.Options));
        if (options.Timeout is { } timeout)
            _deadline = new(timeout > TimeSpan.Zero ? timeout : TimeSpan.Zero, channel.Time);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(caller, _deadline?.Token ?? CancellationToken.None);
        _sending = SendAsync(options);
    }

    /// <summary>How the call ended; null while it has not.</summary>
    public RpcStatus? Status { get; private set; }

    /// <summary>The metadata that came with the status; empty before.</summary>
    public RpcMetadata Trailers { get; private set; } = [];

    /// <summary>Waits for the response's headers and gives their metadata.</summary>
    /// <exception cref="RpcException">The call failed before.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<RpcMetadata> HeadersAsync()
    {
        try
        {
            await OpenAsync();
            return MetadataOf(_response!.Headers);
        }
        catch (Exception e) when (e is not RpcException || e != _failure)
        {
            throw Fail(e);
        }
    }

    /// <summary>
    /// Sends a request; false when the server reads no more, of which <see cref="ReadAsync"/> tells why.
    /// </summary>
    /// <exception cref="RpcException">ResourceExhausted: the message is too large. DeadlineExceeded.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<bool> WriteAsync(TRequest request)
    {
        try
        {
            return await _content.WriteAsync(request, _channel.Options, _stop.Token);
        }
        catch (Exception e) when (e is not RpcException || e != _failure)
        {
            throw Fail(e);
        }
    }

    /// <summary>Says that no more requests follow.</summary>
    public void CompleteRequests() => _content.Complete();

    /// <summary>The next response; null when the call ended well.</summary>
    /// <exception cref="RpcException">The call did not end well.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async ValueTask<TResponse?> ReadAsync()
    {
        if (_failure is not null) throw _failure;
        try
        {
            await OpenAsync();
            if (Status is null && await _reader!.ReadAsync(_stop.Token) is { } message) return message;
            if (Status is null) End(_response!.TrailingHeaders);
            return Status!.IsOk ? null : throw new RpcException(Status, Trailers) { IsAnswer = _answered };
        }
        catch (Exception e)
        {
            throw Fail(e);
        }
    }

    /// <summary>Every response until the call ends well.</summary>
    /// <exception cref="RpcException">The call did not end well.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async IAsyncEnumerable<TResponse> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await using var registration = cancellationToken.UnsafeRegister(
            static (state, _) => ((CancellationTokenSource)state!).Cancel(), _stop);
        while (true)
        {
            TResponse? message;
            try
            {
                message = await ReadAsync();
            }
            catch (RpcException) when (cancellationToken.IsCancellationRequested)
            {
                throw new OperationCanceledException(cancellationToken);
            }

            if (message is null) yield break;
            yield return message;
        }
    }

    /// <summary>The one response of a method that has one.</summary>
    /// <exception cref="RpcException">
    /// The call did not end well. Unimplemented: it has no response or several (grpc: doc/statuscodes.md).
    /// </exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<TResponse> ReadOnlyAsync()
    {
        var message = await ReadAsync();
        return message is not null && await ReadAsync() is null
            ? message
            : throw Fail(new RpcException(RpcStatusCode.Unimplemented, "the answer is not exactly one message"));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Status is null) await _stop.CancelAsync();
        _content.Abandon();
        await ((Task)_sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _onStop.DisposeAsync();
        if (_pipe is not null) await _pipe.CompleteAsync();
        if (_sending.IsCompletedSuccessfully) (await _sending).Dispose();
        _stop.Dispose();
        _deadline?.Dispose();
    }

    private async Task<HttpResponseMessage> SendAsync(RpcCallOptions options)
    {
        try
        {
            return await _channel.SendAsync(_method.Path, options, _content, _stop.Token);
        }
        catch
        {
            _content.Abandon();
            throw;
        }
    }

    /// <summary>Waits for the headers and checks them (PROTOCOL-HTTP2, Responses).</summary>
    private async Task OpenAsync()
    {
        if (_response is not null) return;
        var response = await _sending;
        // Also when nobody reads: disposing is what resets the stream.
        _onStop = _stop.Token.UnsafeRegister(static state => ((HttpResponseMessage)state!).Dispose(), response);
        var isRpc = response.Content.Headers.TryGetValues("content-type", out var types)
            && types.First().StartsWith("application/grpc", StringComparison.Ordinal);
        if (!isRpc || response.StatusCode != System.Net.HttpStatusCode.OK)
        {
            if (response.Headers.Contains("grpc-status")) End(response.Headers);
            else Status = StatusMapping.OfHttp((int)response.StatusCode);
        }
        else if (response.Headers.Contains("grpc-status"))
        {
            End(response.Headers);
        }

        var coding = response.Headers.TryGetValues("grpc-encoding", out var codings) ? codings.First() : null;
        if (!MessageCoding.IsKnown(coding))
            throw new RpcException(RpcStatusCode.Internal, $"the answer is encoded as '{coding}'");
        _pipe = PipeReader.Create(await response.Content.ReadAsStreamAsync(_stop.Token));
        _reader = new(_pipe, _method.ResponseParser, coding, _channel.Options.MaxReceiveBytes);
        _response = response;
    }

    private void End(System.Net.Http.Headers.HttpResponseHeaders trailers)
    {
        if (!trailers.TryGetValues("grpc-status", out var status))
        {
            Status = StatusMapping.OfHttp((int)_response!.StatusCode);
            return;
        }

        _answered = true;
        Trailers = MetadataOf(trailers);
        var message = trailers.TryGetValues("grpc-message", out var texts) ? texts.First() : null;
        Status = StatusMapping.Read(status.First(), message);
        // The server may say CANCELLED for a deadline that it saw first.
        if (Status.Code == RpcStatusCode.Cancelled && _deadline?.IsCancellationRequested == true) Status = Late();
    }

    /// <summary>What to throw for a failure; the first decides how the call ended.</summary>
    private Exception Fail(Exception e)
    {
        if (_failure is not null) return _failure;
        if (Status is null && _caller.IsCancellationRequested)
        {
            Status = new(RpcStatusCode.Cancelled, "the caller cancelled");
            return new OperationCanceledException("the caller cancelled", e, _caller);
        }

        if (Status is null && _deadline?.IsCancellationRequested == true) Status = Late();
        else if (Status is not { IsOk: false }) Status = StatusOf(e);

        _failure = e as RpcException is { } own && own.Status == Status ? own : new(Status, Trailers, e);
        if (!_stop.IsCancellationRequested) _stop.Cancel();
        return _failure;
    }

    private static RpcStatus Late() => new(RpcStatusCode.DeadlineExceeded, "the deadline has passed");

    private static RpcStatus StatusOf(Exception e)
    {
        if (e is RpcException rpc) return rpc.Status;
        for (var inner = e; inner is not null; inner = inner.InnerException)
        {
            if (inner is HttpProtocolException reset)
                return new(StatusMapping.OfReset(reset.ErrorCode), "the server reset the stream");
        }

        // A connection that is not made in time ends as if it had been cancelled (SocketsHttpHandler.ConnectTimeout).
        return e is OperationCanceledException { InnerException: not TimeoutException } or ObjectDisposedException
            ? new(RpcStatusCode.Cancelled, "the call was disposed")
            : new(RpcStatusCode.Unavailable, e.Message);
    }

    private static RpcMetadata MetadataOf(System.Net.Http.Headers.HttpResponseHeaders headers)
    {
        var metadata = new RpcMetadata();
        foreach (var (name, values) in headers.NonValidated)
            foreach (var value in values)
                metadata.Receive(name, value);
        return metadata;
    }
}
