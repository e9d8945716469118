using System.Text;

namespace AgentRuntime.Gateway;

/// <summary>
/// Turns tokens into text: a character split over tokens is held until it is whole, and text that could be the start
/// of a stop string until it is not, because engines send the tokens of the stop string too. One choice's.
/// </summary>
internal sealed class TokenText(IReadOnlyList<string> stops)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private string _held = "";
    private bool _stopped;

    /// <summary>The text that can be shown now.</summary>
    public string Append(ReadOnlySpan<byte> bytes) => Advance(bytes, flush: false);

    /// <summary>The rest.</summary>
    public string Complete() => Advance([], flush: true);

    private string Advance(ReadOnlySpan<byte> bytes, bool flush)
    {
        if (_stopped)
            return "";
        var characters = new char[_decoder.GetCharCount(bytes, flush)];
        var text = _held + new string(characters, 0, _decoder.GetChars(bytes, characters, flush));
        var end = text.Length;
        foreach (var stop in stops)
        {
            if (text.IndexOf(stop, StringComparison.Ordinal) is >= 0 and var at)
                (end, _stopped) = (Math.Min(end, at), true);
        }

        if (!_stopped && !flush)
            end = text.Length - HoldBack(text);
        _held = _stopped ? "" : text[end..];
        return text[..end];
    }

    /// <summary>The length of the longest end of the text that is a beginning of a stop string.</summary>
    private int HoldBack(string text)
    {
        var longest = 0;
        foreach (var stop in stops)
        {
            for (var length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                    longest = length;
            }
        }

        return longest;
    }
}
