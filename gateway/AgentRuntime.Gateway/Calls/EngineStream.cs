using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>
/// An engine's answer as it streams. Disposing it before its end breaks the connection, which is how an engine learns
/// that nobody waits any more and frees the KV state. Single reader.
/// </summary>
internal sealed class EngineStream(
    Engine engine,
    HttpResponseMessage response,
    Stream body,
    LegWatch watch,
    EngineRouterOptions options,
    bool textAsChat)
    : IAsyncDisposable
{
    private static ReadOnlySpan<byte> Done => "[DONE]"u8;

    private static readonly TimeSpan EndOfBodyWithin = TimeSpan.FromMilliseconds(250);

    /// <summary>How long what follows the last choice's end is waited for, in all: the account and the mark.</summary>
    internal static readonly TimeSpan AccountWithin = TimeSpan.FromSeconds(5);

    private readonly SseReader _events = new(body, options.MaxChunkBytes);
    private string? _id;
    private string? _model;
    private bool _begun;
    private bool _finished;
    private bool _ended;
    private bool _broken;
    private long? _wholeAt;
    private long _eventAt;

    /// <summary>
    /// Every choice has ended: only the account is to come. What does not end soon after that ends here, and what goes
    /// wrong costs the account and not the answer.
    /// </summary>
    public void IsWhole()
    {
        if (_wholeAt is not null)
            return;
        _wholeAt = _events.Received;
        watch.Together(AccountWithin);
    }

    /// <summary>The next chunk with its bytes; null after the stream's proper end.</summary>
    /// <exception cref="EngineFailure">The engine failed, went silent or went away before the end.</exception>
    public async ValueTask<(EngineChunk Chunk, ReadOnlyMemory<byte> Raw)?> NextAsync(
        CancellationToken cancellationToken)
    {
        if (_ended)
            return null;

        try
        {
            ReadOnlyMemory<byte> data;
            if (_events.Received - _wholeAt > options.MaxChunkBytes)
                return Break();
            while (!TryNext(out data))
            {
                var more = await ReadAsync();
                if (_begun)
                    watch.Rest();
                if (_events.Received - _wholeAt > options.MaxChunkBytes)
                    return Break();

                // Comments: signs of life, and beyond any measure none.
                if (_events.Received - _eventAt > 2L * options.MaxChunkBytes)
                    throw EngineFailure.TooLong(engine);
                if (more)
                    continue;

                // Without [DONE] an answer is whole only if its choice said that it ended.
                _ended = _finished ? true : throw EngineFailure.CutShort(engine);
                return null;
            }

            if (!_begun)
                watch.Rest();
            _begun = true;
            _eventAt = _events.Received;
            if (data.Span.SequenceEqual(Done))
            {
                _ended = true;
                return null;
            }

            return Read(data);
        }
        catch (Exception e) when (_wholeAt is not null && IsOfEngine(e))
        {
            return Break();
        }
        catch (OperationCanceledException) when (watch.TimedOut)
        {
            throw EngineFailure.TimedOut(engine, _begun ? "next token" : "first token");
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException)
        {
            throw EngineFailure.Malformed(engine, e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw EngineFailure.CutShort(engine, e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            // The connection can serve again only when the end of the body has been read.
            if (_ended && !_broken)
            {
                var end = _events.ReadToEndAsync(watch.Token);
                if (!end.IsCompleted)
                    watch.Within(EndOfBodyWithin);
                await end;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or HttpRequestException)
        {
            // Then it does not serve again.
        }

        await body.DisposeAsync();
        response.Dispose();
        watch.Dispose();
    }

    /// <summary>An event without data is one to keep the connection open, as a comment is.</summary>
    private bool TryNext(out ReadOnlyMemory<byte> data)
    {
        while (_events.TryNext(out data))
        {
            if (!data.Span.Trim((byte)' ').IsEmpty)
                return true;
        }

        return false;
    }

    /// <summary>The answer is whole; its connection serves no other.</summary>
    private (EngineChunk Chunk, ReadOnlyMemory<byte> Raw)? Break()
    {
        _ended = _broken = true;
        return null;
    }

    private bool IsOfEngine(Exception e) => e is OperationCanceledException
        ? watch.TimedOut
        : e is JsonException or InvalidDataException or InvalidOperationException or IOException
            or HttpRequestException;

    private (EngineChunk Chunk, ReadOnlyMemory<byte> Raw)? Read(ReadOnlyMemory<byte> data)
    {
        var raw = textAsChat ? ChunkWriter.ToChat(data) : data;
        var chunk = ChunkReader.Read(raw.Span, _id, _model);
        if (chunk.Error is { } error)
            throw EngineFailure.FromStream(engine, error);

        (_id, _model) = (chunk.Id, chunk.Model);
        _finished |= chunk.FinishReason is not null;
        return (chunk, raw);
    }

    /// <summary>
    /// Gets the next bytes, within a deadline if they have to be waited for. Once the answer has begun, whatever comes
    /// is a sign of life: an engine that holds a tool call back sends comments meanwhile. Before that a comment says
    /// only that the connection is kept open, and the deadline of the first event runs on.
    /// </summary>
    private ValueTask<bool> ReadAsync()
    {
        var read = _events.ReadAsync(watch.Token);
        if (!read.IsCompleted && !watch.Runs)
            watch.Within(options.BetweenTokensTimeout);
        return read;
    }
}
