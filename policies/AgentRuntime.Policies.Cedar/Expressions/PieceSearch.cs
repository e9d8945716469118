namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Finds a literal piece of a pattern in a text. Searching from each place anew takes time with the product of both
/// lengths where they repeat themselves, and both may be megabytes that strangers wrote: a long piece is searched as
/// Knuth, Morris and Pratt do (SIAM Journal on Computing 6(2), 1977). Immutable and thread-safe.
/// </summary>
internal sealed class PieceSearch
{
    /// <summary>What is compared in a few steps at each place; vectors do it faster than any table.</summary>
    private const int ShortCharacters = 32;

    private readonly string _piece;

    /// <summary>
    /// By what was matched so far, how much of it is still matched when the next character does not fit; null for a
    /// short piece.
    /// </summary>
    private readonly int[]? _kept;

    public PieceSearch(string piece)
    {
        _piece = piece;
        _kept = piece.Length > ShortCharacters ? Kept(piece) : null;
    }

    /// <summary>Where the first place of the piece in a text ends; below zero when there is none.</summary>
    public int EndIn(ReadOnlySpan<char> text)
    {
        if (_kept is null)
        {
            var at = text.IndexOf(_piece, StringComparison.Ordinal);
            return at < 0 ? at : at + _piece.Length;
        }

        var matched = 0;
        for (var i = 0; i < text.Length; i++)
        {
            while (matched > 0 && _piece[matched] != text[i]) matched = _kept[matched - 1];
            if (_piece[matched] == text[i] && ++matched == _piece.Length) return i + 1;
        }

        return -1;
    }

    private static int[] Kept(string piece)
    {
        var kept = new int[piece.Length];
        var matched = 0;
        for (var i = 1; i < piece.Length; i++)
        {
            while (matched > 0 && piece[matched] != piece[i]) matched = kept[matched - 1];
            if (piece[matched] == piece[i]) matched++;
            kept[i] = matched;
        }

        return kept;
    }
}
