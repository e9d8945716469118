using System.Text;
using System.Text.Json;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>A token that is found in a text before anything else is done to it. Immutable.</summary>
/// <param name="Id">The token.</param>
/// <param name="Content">How it is spelled.</param>
internal sealed record AddedToken(int Id, string Content)
{
    /// <summary>Whether it controls the model and is not shown.</summary>
    public bool Special { get; init; }

    /// <summary>Whether it is looked for in the normalized text.</summary>
    public bool Normalized { get; init; }

    /// <summary>Whether it must not be part of a word.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Whether it swallows the white space before it.</summary>
    public bool StripsLeft { get; init; }

    /// <summary>Whether it swallows the white space after it.</summary>
    public bool StripsRight { get; init; }

    public static AddedToken Read(JsonElement json) =>
        new(json.GetProperty("id"u8).GetInt32(), json.GetProperty("content"u8).GetString()!)
        {
            Special = Json.Flag(json, "special"),
            Normalized = Json.Flag(json, "normalized"),
            SingleWord = Json.Flag(json, "single_word"),
            StripsLeft = Json.Flag(json, "lstrip"),
            StripsRight = Json.Flag(json, "rstrip"),
        };
}

/// <summary>
/// Finds added tokens in a text, leftmost first and the longest among those that begin together
/// (huggingface/tokenizers: tokenizers/src/tokenizer/added_vocabulary.rs, <c>find_matches</c>). Immutable.
/// </summary>
internal sealed class AddedTokenFinder
{
    private readonly Dictionary<char, (string Spelling, AddedToken Token)[]> _byFirst;
    private readonly System.Buffers.SearchValues<char> _firsts;

    /// <param name="tokens">The tokens with their spelling in the text that is searched.</param>
    public AddedTokenFinder(IEnumerable<(string Spelling, AddedToken Token)> tokens)
    {
        _byFirst = tokens.Where(t => t.Spelling.Length > 0).GroupBy(t => t.Spelling[0])
            .ToDictionary(g => g.Key, g => g.OrderByDescending(t => t.Spelling.Length).ToArray());
        _firsts = System.Buffers.SearchValues.Create([.. _byFirst.Keys]);
    }

    /// <summary>Cuts a text into tokens and what lies between them.</summary>
    public void Split(TextPiece piece, Action<TextPiece, AddedToken?> each)
    {
        var text = piece.Span;
        var done = 0;
        for (var at = 0; at < text.Length;)
        {
            var offset = text[at..].IndexOfAny(_firsts);
            if (offset < 0)
                break;
            at += offset;
            var (spelling, token) = Longest(text, at);
            if (token is null)
            {
                at++;
                continue;
            }

            var (start, end) = (at, at + spelling.Length);
            at = end;
            if (token.SingleWord && (IsWord(text, start, before: true) || IsWord(text, end, before: false)))
                continue;
            // The white space before it may be a token's already.
            while (token.StripsLeft && start > done && char.IsWhiteSpace(text[start - 1]))
                start--;
            while (token.StripsRight && end < text.Length && char.IsWhiteSpace(text[end]))
                end++;
            if (start > done)
                each(piece.Part(done, start - done), null);
            each(piece.Part(start, end - start), token);
            done = at = end;
        }

        if (done < text.Length)
            each(piece.Part(done, text.Length - done), null);
    }

    private (string Spelling, AddedToken? Token) Longest(ReadOnlySpan<char> text, int at)
    {
        foreach (var candidate in _byFirst[text[at]])
        {
            if (text[at..].StartsWith(candidate.Spelling, StringComparison.Ordinal))
                return candidate;
        }

        return ("", null);
    }

    private static bool IsWord(ReadOnlySpan<char> text, int at, bool before)
    {
        if (before ? at == 0 : at == text.Length)
            return false;
        var status = before
            ? Rune.DecodeLastFromUtf16(text[..at], out var found, out _)
            : Rune.DecodeFromUtf16(text[at..], out found, out _);
        return status == System.Buffers.OperationStatus.Done && (Rune.IsLetterOrDigit(found) || found.Value == '_');
    }
}
