using System.Text;

namespace AgentRuntime.Node.Http;

/// <summary>
/// Turns token bytes into text for a stream: a character split over tokens is held until it is whole, and text that
/// could be the start of a stop string is held until it is not. Not thread-safe.
/// </summary>
internal sealed class TextAssembler(IReadOnlyList<string> stops)
{
    private const int MostOnStack = 128;

    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder _held = new();

    /// <summary>Whether a stop string was reached; nothing is emitted any more.</summary>
    public bool Stopped => MatchedStop is not null;

    /// <summary>The stop string that was reached; null for none.</summary>
    public string? MatchedStop { get; private set; }

    /// <summary>Adds a token's bytes and returns the text that can be emitted now.</summary>
    public string Append(ReadOnlySpan<byte> bytes) => Advance(bytes, flush: false);

    /// <summary>The rest, when no token follows; incomplete characters become U+FFFD.</summary>
    public string Complete() => Advance([], flush: true);

    private string Advance(ReadOnlySpan<byte> bytes, bool flush)
    {
        if (Stopped) return "";
        var most = _decoder.GetCharCount(bytes, flush);
        var characters = most <= MostOnStack ? stackalloc char[most] : new char[most];
        characters = characters[.._decoder.GetChars(bytes, characters, flush)];
        if (stops.Count == 0) return characters.IsEmpty ? "" : new(characters); // nothing is ever held
        _held.Append(characters);
        if (_held.Length == 0) return "";

        var text = _held.ToString();
        var (stop, matched) = FirstStop(text);
        if (stop >= 0)
        {
            MatchedStop = matched;
            _held.Clear();
            return text[..stop];
        }

        var keep = flush ? 0 : HoldBack(text);
        _held.Clear().Append(text, text.Length - keep, keep);
        return text[..^keep];
    }

    private (int At, string? Stop) FirstStop(string text)
    {
        var first = (At: -1, Stop: (string?)null);
        foreach (var stop in stops)
        {
            var at = text.IndexOf(stop, StringComparison.Ordinal);
            if (at >= 0 && (first.At < 0 || at < first.At)) first = (at, stop);
        }

        return first;
    }

    /// <summary>The length of the longest end of the text that is a beginning of a stop string.</summary>
    private int HoldBack(string text)
    {
        var longest = 0;
        foreach (var stop in stops)
        {
            for (var length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (!text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length))) continue;
                longest = length;
                break;
            }
        }

        return longest;
    }
}
