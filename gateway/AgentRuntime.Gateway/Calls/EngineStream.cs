using System.IO.Pipelines;
using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>
/// An engine's answer as it streams. Disposing it before its end breaks the connection, which is how an engine learns
/// that nobody waits any more and frees the KV state. Single reader.
/// </summary>
internal sealed class EngineStream(
    Engine engine,
    HttpResponseMessage response,
    PipeReader pipe,
    LegWatch watch,
    EngineRouterOptions options,
    bool textAsChat)
    : IAsyncDisposable
{
    private static ReadOnlySpan<byte> Done => "[DONE]"u8;

    private static readonly TimeSpan EndOfBodyWithin = TimeSpan.FromMilliseconds(250);

    private readonly SseReader _events = new(pipe, options.MaxChunkBytes);
    private bool _finished;
    private bool _ended;

    /// <summary>The next chunk with its bytes; null after the stream's proper end.</summary>
    /// <exception cref="EngineFailure">The engine failed, went silent or went away before the end.</exception>
    public async ValueTask<(EngineChunk Chunk, ReadOnlyMemory<byte> Raw)?> NextAsync(
        CancellationToken cancellationToken)
    {
        if (_ended)
            return null;

        try
        {
            var data = await _events.NextAsync(watch.Token);
            watch.Within(options.BetweenTokensTimeout);
            if (data is null)
            {
                // Without [DONE] an answer is whole only if its choice said that it ended.
                _ended = _finished ? true : throw EngineFailure.CutShort(engine);
                return null;
            }

            if (data.Value.Span.SequenceEqual(Done))
            {
                _ended = true;
                return null;
            }

            var raw = textAsChat ? ChunkWriter.ToChat(data.Value) : data.Value;
            var chunk = ChunkReader.Read(raw.Span);
            if (chunk.Error is { } error)
                throw EngineFailure.FromStream(engine, error);

            _finished |= chunk.FinishReason is not null;
            return (chunk, raw);
        }
        catch (OperationCanceledException) when (watch.TimedOut)
        {
            throw EngineFailure.TimedOut(engine, "next token");
        }
        catch (JsonException e)
        {
            throw EngineFailure.Malformed(engine, e);
        }
        catch (InvalidDataException e)
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
            if (_ended)
            {
                watch.Within(EndOfBodyWithin);
                await _events.ReadToEndAsync(watch.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or HttpRequestException)
        {
            // Then it does not serve again.
        }

        await pipe.CompleteAsync();
        response.Dispose();
        watch.Dispose();
    }
}
