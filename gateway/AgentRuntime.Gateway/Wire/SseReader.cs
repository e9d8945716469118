using System.Buffers;

namespace AgentRuntime.Gateway;

/// <summary>
/// Reads the <c>data</c> of server-sent events (WHATWG HTML, 9.2.6) off a body as they arrive, each at most
/// <c>maxEventBytes</c> long. Comments, ids and event names are skipped: OpenAI's streams use none. Events are pieces
/// of the blocks that were read into, which are never written again: an event is the caller's to keep, and costs no
/// copy. Single reader; does not own the body.
/// </summary>
internal sealed class SseReader(Stream body, int maxEventBytes)
{
    // What an open stream holds while it waits, and what a burst is read with.
    private const int FirstBlock = 2 << 10;
    private const int LargestBlock = 16 << 10;

    // Less room than this is not worth asking the socket for.
    private const int LeastRead = 512;

    private const int Data = 4;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private byte[] _block = [];
    private int _start;
    private int _searched;
    private int _end;
    private int _nextBlock = FirstBlock;
    private bool _completed;
    private bool _begun;
    private bool _afterReturn;
    private ReadOnlyMemory<byte>? _data;

    // Where the lines of an event are put together that has several; each such event has one of its own.
    private ArrayBufferWriter<byte>? _lines;

    /// <summary>Bytes of the body so far.</summary>
    public long Received { get; private set; }

    /// <summary>Whether an event's data is there already; then it is <paramref name="data"/>.</summary>
    /// <exception cref="InvalidDataException">An event is longer than the bound.</exception>
    public bool TryNext(out ReadOnlyMemory<byte> data)
    {
        while (TryReadLine(out var line))
        {
            if (line.IsEmpty)
            {
                if (_data is not { } whole)
                    continue;

                (_data, _lines) = (null, null);
                data = whole;
                return true;
            }

            // A name without a colon is a field without a value.
            if (!line.Span.StartsWith("data"u8) || (line.Length > Data && line.Span[Data] != (byte)':'))
                continue;

            var more = line[Math.Min(Data + 1, line.Length)..];
            if (more is { IsEmpty: false } && more.Span[0] == (byte)' ')
                more = more[1..];
            _data = _data is { } before ? Join(before, more.Span) : more;
            if (_data.Value.Length > maxEventBytes)
                throw new InvalidDataException($"an event is longer than {maxEventBytes} bytes");
        }

        if (_end - _start > maxEventBytes)
            throw new InvalidDataException($"a line is longer than {maxEventBytes} bytes");

        data = default;
        return false;
    }

    /// <summary>What there is of an event, and one more line of it; in all, each byte is copied a few times.</summary>
    private ReadOnlyMemory<byte> Join(ReadOnlyMemory<byte> before, ReadOnlySpan<byte> line)
    {
        if (_lines is null)
        {
            _lines = new ArrayBufferWriter<byte>(2 * (before.Length + line.Length + 1));
            _lines.Write(before.Span);
        }

        _lines.Write("\n"u8);
        _lines.Write(line);
        return _lines.WrittenMemory;
    }

    /// <summary>Waits for more bytes; false when there are none any more.</summary>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        if (_completed)
            return false;

        MakeRoom();
        var room = _block.Length - _end;
        var read = await body.ReadAsync(_block.AsMemory(_end), cancellationToken);
        _end += read;
        Received += read;
        _completed = read == 0;
        if (read == room)
            _nextBlock = Math.Min(2 * _nextBlock, LargestBlock);
        return !_completed;
    }

    /// <summary>Skips what is left of the body.</summary>
    public async ValueTask ReadToEndAsync(CancellationToken cancellationToken)
    {
        do
            _start = _searched = _end;
        while (await ReadAsync(cancellationToken));
    }

    /// <summary>A new block when the one in use is full: others may still look at what was read into it.</summary>
    private void MakeRoom()
    {
        if (_block.Length - _end >= LeastRead)
            return;

        var unread = _end - _start;
        var block = new byte[Math.Max(_nextBlock, 2 * unread)];
        _block.AsSpan(_start, unread).CopyTo(block);
        (_block, _start, _searched, _end) = (block, 0, _searched - _start, unread);
    }

    /// <summary>A line, which ends with CR, LF or both: at a CR already, lest an event wait for the next.</summary>
    private bool TryReadLine(out ReadOnlyMemory<byte> line)
    {
        if (_afterReturn && _start < _end)
        {
            if (_block[_start] == (byte)'\n')
                _searched = ++_start;
            _afterReturn = false;
        }

        var length = _block.AsSpan(_searched, _end - _searched).IndexOfAny((byte)'\n', (byte)'\r');
        if (length < 0)
        {
            _searched = _end;
            line = default;
            return false;
        }

        var end = _searched + length;
        line = _block.AsMemory(_start, end - _start);
        _afterReturn = _block[end] == (byte)'\r';
        _start = _searched = end + 1;
        if (!_begun && line.Span.StartsWith(ByteOrderMark))
            line = line[ByteOrderMark.Length..];
        _begun = true;
        return true;
    }
}
