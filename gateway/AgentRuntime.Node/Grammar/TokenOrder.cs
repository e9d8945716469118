namespace AgentRuntime.Node.Grammar;

/// <summary>
/// The tokens of a vocabulary that write something, by their bytes, so that what tokens begin with alike is gone
/// through once. Immutable.
/// </summary>
internal sealed class TokenOrder
{
    private readonly byte[] _text;
    private readonly int[] _from;

    /// <param name="size">Tokens of the vocabulary.</param>
    /// <param name="piece">What a token writes; empty for none.</param>
    /// <param name="ends">Whether a token ends an answer.</param>
    public TokenOrder(int size, Func<int, byte[]> piece, Func<int, bool> ends)
    {
        Size = size;
        var all = Enumerable.Range(0, size).ToArray();
        Ends = [.. all.Where(ends)];
        var pieces = Array.ConvertAll(all, token => piece(token));
        Tokens = [.. all.Where(token => pieces[token].Length > 0).Except(Ends)];
        Array.Sort(Tokens, (a, b) => pieces[a].AsSpan().SequenceCompareTo(pieces[b]));
        Shared = new int[Tokens.Length];
        _from = new int[Tokens.Length + 1];
        _text = new byte[Tokens.Sum(token => (long)pieces[token].Length)];
        for (var i = 0; i < Tokens.Length; i++)
        {
            var bytes = pieces[Tokens[i]];
            bytes.CopyTo(_text, _from[i]);
            _from[i + 1] = _from[i] + bytes.Length;
            Shared[i] = i > 0 ? pieces[Tokens[i - 1]].AsSpan().CommonPrefixLength(bytes) : 0;
            Longest = Math.Max(Longest, bytes.Length);
        }
    }

    /// <summary>Tokens of the vocabulary.</summary>
    public int Size { get; }

    /// <summary>The tokens that end an answer.</summary>
    public int[] Ends { get; }

    /// <summary>The others that write something, in order.</summary>
    public int[] Tokens { get; }

    /// <summary>Bytes that each has in common with the one before it.</summary>
    public int[] Shared { get; }

    /// <summary>Bytes of the longest one.</summary>
    public int Longest { get; }

    /// <summary>What the token at a place of the order writes.</summary>
    public ReadOnlySpan<byte> Piece(int place) => _text.AsSpan(_from[place].._from[place + 1]);
}
