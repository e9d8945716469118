using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Where calls begin in an answer that may have text in their place: what it is from there on is told by a grammar.
/// Immutable.
/// </summary>
/// <param name="Marker">
/// What comes before the first call, which the grammar does not have; null where calls are all of an answer.
/// </param>
/// <param name="Heads">
/// What an answer that is calls begins with, as JSON without white space, which the grammar has; empty with a marker.
/// </param>
internal sealed record CallStart(string? Marker, IReadOnlyList<string> Heads)
{
    /// <summary>An answer that must be calls.</summary>
    public static CallStart AtOnce { get; } = new(null, []);

    /// <summary>Whether an answer is calls, as its grammar has held it: another object is text.</summary>
    public bool IsBegunBy(string answer)
    {
        var text = Encoding.UTF8.GetBytes(answer);
        return Heads.Count == 0 || Heads.Any(head => EndOf(Encoding.UTF8.GetBytes(head), text, out _) is not null);
    }

    /// <summary>Where a head ends that a text begins with, but for white space; null where it does not.</summary>
    /// <param name="head">The head.</param>
    /// <param name="text">The text.</param>
    /// <param name="mayBe">Whether the text may go on so that it does.</param>
    public static int? EndOf(ReadOnlySpan<byte> head, ReadOnlySpan<byte> text, out bool mayBe)
    {
        mayBe = false;
        var (at, isQuoted) = (0, false);
        for (var i = 0; i < text.Length; i++)
        {
            var b = text[i];
            if (!isQuoted && b is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t') continue;
            if (b != head[at]) return null;
            isQuoted ^= b == '"';
            if (++at == head.Length) return i + 1;
        }

        mayBe = true;
        return null;
    }
}
