namespace AgentRuntime.Execution;

/// <summary>
/// Counts the events of a stream of server-sent events as its bytes come (WHATWG HTML, 9.2.6): an event ends with an
/// empty line, and comments, by which servers keep quiet connections open, are none. Not thread-safe.
/// </summary>
internal sealed class EventStreamCount
{
    private byte _last = (byte)'\n';
    private bool _hasFields;

    /// <summary>Events that have come to their end.</summary>
    public int Events { get; private set; }

    /// <summary>Counts on.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var isLineStart = _last is (byte)'\n' or (byte)'\r';
            if (isLineStart && bytes[0] is not ((byte)'\n' or (byte)'\r' or (byte)':'))
                _hasFields = true;
            var end = bytes.IndexOfAny((byte)'\n', (byte)'\r');
            if (end < 0)
            {
                _last = bytes[^1];
                return;
            }

            // The second half of CR LF ends no line of its own.
            if (end == 0 && isLineStart && !(_last == '\r' && bytes[0] == '\n'))
            {
                Events += _hasFields ? 1 : 0;
                _hasFields = false;
            }

            _last = bytes[end];
            bytes = bytes[(end + 1)..];
        }
    }
}
