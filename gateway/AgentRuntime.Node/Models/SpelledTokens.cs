using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Models;

/// <summary>A part of a text that is one token, or that is still text.</summary>
/// <param name="From">Its first byte.</param>
/// <param name="To">The byte behind it.</param>
/// <param name="Token">The token; <see cref="SpelledTokens.None"/> for text.</param>
internal readonly record struct TextPart(int From, int To, int Token);

/// <summary>
/// Finds the tokens that a text spells out, control tokens and those that users defined, as llama.cpp does
/// (llama-vocab.cpp, tokenizer_st_partition: the longest first, each from the left) but in time that grows with the
/// text: llama.cpp walks over all parts from the first one for each token that it finds. Immutable and thread-safe.
/// </summary>
internal sealed class SpelledTokens
{
    /// <summary>Stands for no token.</summary>
    public const int None = -1;

    // llama.h, llama_token_attr.
    private const int Unknown = 1;
    private const int Control = 8;
    private const int UserDefined = 16;
    private const int StripsLeft = 128;
    private const int StripsRight = 256;

    private readonly Spelled[] _tokens;

    /// <param name="vocab">The native vocabulary, which is not of the type "none".</param>
    /// <param name="size">How many tokens it has.</param>
    public SpelledTokens(nint vocab, int size)
    {
        var tokens = new List<Spelled>();
        for (var id = 0; id < size; id++)
        {
            var kind = Llama.VocabAttributes(vocab, id);
            if ((kind & (Unknown | Control | UserDefined)) == 0) continue;
            tokens.Add(new(id, Llama.VocabText(vocab, id), kind));
        }

        _tokens = [.. tokens.OrderByDescending(token => token.Text.Length)];
    }

    /// <summary>Whether one of them takes away white space beside it.</summary>
    public bool TakesSpace => _tokens.Any(token => (token.Kind & (StripsLeft | StripsRight)) != 0);

    /// <summary>The text's parts, in order and without gaps but for white space that a token takes away.</summary>
    /// <param name="text">UTF-8.</param>
    /// <param name="withControl">Whether control tokens are found too, and not only those that users defined.</param>
    public List<TextPart> Split(ReadOnlySpan<byte> text, bool withControl)
    {
        var taken = new bool[text.Length];
        var found = new List<(TextPart Part, int TakenFrom, int TakenTo)>();
        foreach (var token in _tokens)
            if (withControl || (token.Kind & (Unknown | Control)) == 0)
                Find(text, token, taken, found);
        found.Sort(static (a, b) => a.TakenFrom.CompareTo(b.TakenFrom));

        var parts = new List<TextPart>(found.Count + 1);
        var at = 0;
        foreach (var (part, takenFrom, takenTo) in found)
        {
            if (takenFrom > at) parts.Add(new(at, takenFrom, None));
            parts.Add(part);
            at = takenTo;
        }

        if (at < text.Length) parts.Add(new(at, text.Length, None));
        return parts;
    }

    private static void Find(
        ReadOnlySpan<byte> text, Spelled token, bool[] taken, List<(TextPart Part, int From, int To)> found)
    {
        for (var at = 0; text[at..].IndexOf(token.Text) is >= 0 and var next;)
        {
            var part = new TextPart(at + next, at + next + token.Text.Length, token.Id);
            // What was taken before is no shorter, or lies beside what is not: it cannot be in the midst of this.
            if (taken[part.From] || taken[part.To - 1])
            {
                var blocked = taken[part.From] ? part.From : part.To - 1;
                var free = taken.AsSpan(blocked).IndexOf(false);
                if (free < 0) return;
                at = blocked + free;
                continue;
            }

            var (from, to) = (part.From, part.To);
            if ((token.Kind & StripsLeft) != 0)
                while (from > 0 && !taken[from - 1] && IsSpace(text[from - 1])) from--;
            if ((token.Kind & StripsRight) != 0)
                while (to < text.Length && !taken[to] && IsSpace(text[to])) to++;
            taken.AsSpan(from, to - from).Fill(true);
            found.Add((part, from, to));
            at = to;
        }
    }

    /// <summary>C's isspace, of the locale "C".</summary>
    private static bool IsSpace(byte b) => b is (byte)' ' or (>= 9 and <= 13);

    private sealed record Spelled(int Id, byte[] Text, int Kind);
}
