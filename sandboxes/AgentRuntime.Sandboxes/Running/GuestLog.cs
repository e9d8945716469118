using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Abi;

namespace AgentRuntime.Sandboxes.Running;

/// <summary>
/// What one guest says, within its limit of bytes: what follows is dropped unread, so that a flood costs the host
/// nothing but the call. Standard output and error are collected into lines. Used on the guest's thread.
/// </summary>
internal sealed class GuestLog(ISandboxLog log, long maxBytes)
{
    private const int MaxLineBytes = 8 << 10;

    private readonly List<byte>[] _lines = [[], []];
    private long _bytes;
    private bool _dropping;

    /// <summary>Bytes logged so far. May be read from any thread.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Goes on from what a snapshot says was logged.</summary>
    public void Restore(long bytes) => _bytes = bytes;

    /// <summary>One line that the canonical ABI demands to be UTF-8.</summary>
    public void Write(GuestLogLevel level, ReadOnlySpan<byte> utf8)
    {
        var kept = Take(utf8, out var dropped);
        if (kept >= 0) log.Write(level, GuestText.Decode(utf8[..kept]));
        if (dropped) NoteDropping();
    }

    /// <summary>
    /// A piece of standard output (1) or standard error (2), in whatever encoding the guest likes. Returns how many
    /// lines it has ended: one more than the most, which is not logged, where there were more.
    /// </summary>
    public int Stream(int descriptor, ReadOnlySpan<byte> piece, int mostLines = int.MaxValue)
    {
        var lines = 0;
        while (piece.Length > 0 && !_dropping)
        {
            var line = _lines[descriptor - 1];
            // No further than a line goes, and one for its end: what follows may be gigabytes.
            var end = piece[..Math.Min(piece.Length, MaxLineBytes - line.Count + 1)].IndexOf((byte)'\n');
            var part = end < 0 ? piece : piece[..end];
            var room = Math.Min(part.Length, MaxLineBytes - line.Count);
            line.AddRange(part[..room]);
            var ends = end >= 0 && room == part.Length;
            if (ends || line.Count == MaxLineBytes)
            {
                if (lines == mostLines) return lines + 1;
                Flush(descriptor);
                lines++;
            }
            if (ends) room++;
            piece = piece[room..];
        }
        return lines;
    }

    /// <summary>Logs what was written without a newline at its end.</summary>
    public void Flush()
    {
        for (var descriptor = 1; descriptor <= 2; descriptor++)
        {
            if (_lines[descriptor - 1].Count > 0) Flush(descriptor);
        }
    }

    private void Flush(int descriptor)
    {
        var line = _lines[descriptor - 1].ToArray();
        _lines[descriptor - 1].Clear();
        var kept = Take(line, out var dropped);
        var level = descriptor == 1 ? GuestLogLevel.Info : GuestLogLevel.Error;
        if (kept >= 0) log.Write(level, Encoding.UTF8.GetString(line.AsSpan(0, kept)));
        if (dropped) NoteDropping();
    }

    // Bytes of the line that may still be logged; -1 when not even an empty line may. Each line costs a byte more than
    // its text, as in a file, so that empty lines are not free.
    private int Take(ReadOnlySpan<byte> utf8, out bool dropped)
    {
        var room = maxBytes - _bytes - 1;
        var kept = _dropping || room < 0 ? -1 : GuestText.Cut(utf8, room).Length;
        dropped = kept < utf8.Length;
        Volatile.Write(ref _bytes, _bytes + kept + 1);
        return kept;
    }

    private void NoteDropping()
    {
        if (_dropping) return;
        _dropping = true;
        log.Write(GuestLogLevel.Warning, $"(the limit of {maxBytes} logged bytes is reached; what follows is dropped)");
    }
}
