using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// The right side of <c>like</c>: literal pieces with a star between each two. Matching is linear in the text, whatever
/// text and pattern are.
/// </summary>
internal sealed class LikePattern(string[] pieces) : IEquatable<LikePattern>
{
    private readonly PieceSearch[] _between =
        pieces.Length > 2 ? [.. pieces[1..^1].Select(static piece => new PieceSearch(piece))] : [];

    /// <summary>At least one; <c>["a", "b"]</c> is <c>a*b</c>.</summary>
    public string[] Pieces => pieces;

    public bool Matches(string text)
    {
        if (pieces.Length == 1) return text == pieces[0];
        var rest = text.AsSpan();
        if (!rest.StartsWith(pieces[0], StringComparison.Ordinal)) return false;
        rest = rest[pieces[0].Length..];
        foreach (var piece in _between)
        {
            var end = piece.EndIn(rest);
            if (end < 0) return false;
            rest = rest[end..];
        }

        return rest.EndsWith(pieces[^1], StringComparison.Ordinal);
    }

    public bool Equals(LikePattern? other) => other is not null && pieces.AsSpan().SequenceEqual(other.Pieces);

    public override bool Equals(object? obj) => Equals(obj as LikePattern);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var piece in pieces) hash.Add(piece, StringComparer.Ordinal);
        return hash.ToHashCode();
    }

    /// <summary>The pattern in quotes with its escapes.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("\"");
        for (var i = 0; i < pieces.Length; i++)
        {
            if (i > 0) text.Append('*');
            StringEscapes.Escape(text, pieces[i], pattern: true);
        }

        return text.Append('"').ToString();
    }
}
