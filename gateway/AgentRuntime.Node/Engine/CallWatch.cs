using System.Text;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// Looks for the beginning of calls in an answer that may be text. Owned by the engine's thread.
/// </summary>
internal abstract class CallWatch
{
    /// <summary>Makes what looks for a beginning.</summary>
    public static CallWatch Of(CallStart start) =>
        start.Marker is { } marker ? new Marked(marker) : new Leading(start.Heads);

    /// <summary>
    /// Whether calls have begun with a piece more, which is not kept; null where there are to be none any more.
    /// </summary>
    /// <param name="piece">What a token writes; empty for what is no text.</param>
    /// <param name="written">What of the answer is by the calls' grammar, where they have begun.</param>
    public abstract bool? Begin(ReadOnlySpan<byte> piece, out ReadOnlySpan<byte> written);

    /// <summary>Keeps a piece: the answer goes on with it.</summary>
    public abstract void Keep(ReadOnlySpan<byte> piece);

    /// <summary>Calls come behind a marker, wherever it is: the answer's last bytes tell.</summary>
    private sealed class Marked(string text) : CallWatch
    {
        private readonly byte[] _marker = Encoding.UTF8.GetBytes(text);
        private readonly byte[] _seen = new byte[Encoding.UTF8.GetByteCount(text) - 1];
        private int _seenBytes;

        public override bool? Begin(ReadOnlySpan<byte> piece, out ReadOnlySpan<byte> written)
        {
            written = [];
            if (!piece.Contains(_marker[^1])) return false;
            Span<byte> bytes = [.. _seen.AsSpan(0, _seenBytes), .. piece];
            var start = bytes.IndexOf(_marker);
            if (start < 0) return false;
            written = piece[(start + _marker.Length - _seenBytes)..];
            return true;
        }

        public override void Keep(ReadOnlySpan<byte> piece)
        {
            if (piece.Length < _seen.Length)
            {
                var kept = Math.Min(_seenBytes, _seen.Length - piece.Length);
                _seen.AsSpan(_seenBytes - kept, kept).CopyTo(_seen);
                piece.CopyTo(_seen.AsSpan(kept));
                _seenBytes = kept + piece.Length;
            }
            else
            {
                piece[^_seen.Length..].CopyTo(_seen);
                _seenBytes = _seen.Length;
            }
        }
    }

    /// <summary>An answer is calls if it begins as they do: at the latest with the name of a tool it is told.</summary>
    private sealed class Leading(IReadOnlyList<string> texts) : CallWatch
    {
        private readonly byte[][] _heads = [.. texts.Select(Encoding.UTF8.GetBytes)];
        private byte[] _seen = [];

        public override bool? Begin(ReadOnlySpan<byte> piece, out ReadOnlySpan<byte> written)
        {
            written = [];
            byte[] all = [.. _seen, .. piece];
            var mayBegin = false;
            foreach (var head in _heads)
            {
                if (CallStart.EndOf(head, all, out var mayBeHead) is { } end)
                {
                    // The white space that the model likes is no reason to hold another call against it.
                    written = (byte[])[.. head, .. all.AsSpan(end)];
                    return true;
                }

                mayBegin |= mayBeHead;
            }

            return mayBegin ? false : null;
        }

        public override void Keep(ReadOnlySpan<byte> piece) =>
            _seen = [.. _seen, .. _seen.Length == 0 ? piece.TrimStart(" \n\r\t"u8) : piece];
    }
}
