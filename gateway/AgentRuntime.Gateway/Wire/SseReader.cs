using System.Buffers;
using System.IO.Pipelines;

namespace AgentRuntime.Gateway;

/// <summary>
/// Reads the <c>data</c> of server-sent events (WHATWG HTML, 9.2.6) off a pipe as they arrive, each at most
/// <c>maxEventBytes</c> long. Comments, ids and event names are skipped: OpenAI's streams use none. Single reader.
/// </summary>
internal sealed class SseReader(PipeReader pipe, int maxEventBytes)
{
    private ReadOnlySequence<byte> _unread;
    private bool _completed;
    private bool _held;

    /// <summary>The next event's data; null at the end of the stream. The bytes are the caller's to keep.</summary>
    /// <exception cref="InvalidDataException">An event is longer than the bound.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> NextAsync(CancellationToken cancellationToken)
    {
        byte[]? data = null;
        while (true)
        {
            while (TryReadLine(out var line))
            {
                if (line.IsEmpty)
                {
                    if (data is not null)
                        return data;

                    continue;
                }

                if (DataOf(line) is { } more)
                    data = data is null ? more : [.. data, (byte)'\n', .. more];
                if (data?.Length > maxEventBytes)
                    throw new InvalidDataException($"an event is longer than {maxEventBytes} bytes");
            }

            if (_unread.Length > maxEventBytes)
                throw new InvalidDataException($"a line is longer than {maxEventBytes} bytes");

            if (_completed)
                return null;

            if (_held)
                pipe.AdvanceTo(_unread.Start, _unread.End);
            var read = await pipe.ReadAsync(cancellationToken);
            _unread = read.Buffer;
            _completed = read.IsCompleted;
            _held = true;
        }
    }

    /// <summary>Skips what is left of the body.</summary>
    public async ValueTask ReadToEndAsync(CancellationToken cancellationToken)
    {
        while (!_completed)
        {
            if (_held)
                pipe.AdvanceTo(_unread.End);
            var read = await pipe.ReadAsync(cancellationToken);
            _unread = read.Buffer;
            _completed = read.IsCompleted;
            _held = true;
        }
    }

    private static byte[]? DataOf(ReadOnlySequence<byte> line)
    {
        var reader = new SequenceReader<byte>(line);
        if (!reader.IsNext("data:"u8, advancePast: true))
            return null;

        reader.IsNext((byte)' ', advancePast: true);
        return reader.UnreadSequence.ToArray();
    }

    private bool TryReadLine(out ReadOnlySequence<byte> line)
    {
        var reader = new SequenceReader<byte>(_unread);
        if (!reader.TryReadTo(out line, (byte)'\n'))
            return false;

        _unread = reader.UnreadSequence;
        if (!line.IsEmpty && line.Slice(line.Length - 1).FirstSpan[0] == (byte)'\r')
            line = line.Slice(0, line.Length - 1);
        return true;
    }
}
