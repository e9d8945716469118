using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Encodings.Web;

namespace AgentRuntime.Node.Http;

/// <summary>
/// The bytes around the text of a streamed chunk, which are the same for all of a choice's chunks that add text and
/// nothing else. Such a chunk is then two copies and the text between them. Immutable.
/// </summary>
internal sealed class ChunkTemplate
{
    private const int MostOnStack = 512;
    private const int MostBytesPerCharacter = 6; // a UTF-16 unit escaped, as \uXXXX

    private static readonly SearchValues<char> Plain = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:;!?-_()[]{}/*=#%@|~$^");

    private readonly byte[] _before;
    private readonly byte[] _after;

    private ChunkTemplate(byte[] before, byte[] after)
    {
        _before = before;
        _after = after;
    }

    /// <summary>Takes apart an event with an empty text; <paramref name="property"/> is the text's.</summary>
    public static ChunkTemplate Of(ReadOnlySpan<byte> emptyEvent, string property)
    {
        // Quotes inside a string are escaped, so only the property itself looks like this.
        ReadOnlySpan<byte> text = Encoding.UTF8.GetBytes($"\"{property}\":\"\"");
        var at = emptyEvent.LastIndexOf(text);
        if (at < 0) throw new ArgumentException("the event has no empty text", nameof(emptyEvent));
        var split = at + text.Length - 1;
        return new(emptyEvent[..split].ToArray(), emptyEvent[split..].ToArray());
    }

    /// <summary>Writes a chunk, as the JSON writer would.</summary>
    public void Write(PipeWriter output, string text)
    {
        var most = _before.Length + (text.Length * MostBytesPerCharacter) + _after.Length;
        var target = output.GetSpan(most);
        _before.CopyTo(target);
        var at = _before.Length;
        at += Escape(text, target[at..]);
        _after.CopyTo(target[at..]);
        output.Advance(at + _after.Length);
    }

    private static int Escape(string text, Span<byte> target)
    {
        if (!text.AsSpan().ContainsAnyExcept(Plain)) return Encoding.ASCII.GetBytes(text, target);
        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        var rented = most > MostOnStack ? ArrayPool<byte>.Shared.Rent(most) : null;
        var utf8 = rented ?? stackalloc byte[MostOnStack];
        utf8 = utf8[..Encoding.UTF8.GetBytes(text, utf8)];
        // One character escaped takes at most 6 bytes a UTF-16 unit, so the target has room for all.
        JavaScriptEncoder.Default.EncodeUtf8(utf8, target, out _, out var written);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return written;
    }
}
