namespace AgentRuntime.Gateway.Tokens;

/// <summary>What becomes of the matches of a pattern that cuts a text.</summary>
internal enum SplitBehavior : byte
{
    Removed = 1,
    Isolated = 2,
    MergedWithPrevious = 3,
    MergedWithNext = 4,
    Contiguous = 5,
}

/// <summary>
/// Cuts a text at matches (huggingface/tokenizers: tokenizers/src/tokenizer/normalizer.rs, <c>split</c>). Stateless.
/// </summary>
internal static class TextSplit
{
    public static void Split(
        TextPiece piece, List<(int Start, int End)> matches, SplitBehavior behavior, bool invert,
        List<TextPiece> result)
    {
        var parts = new List<(int Start, int End, bool IsMatch)>((2 * matches.Count) + 1);
        var at = 0;
        foreach (var (start, end) in matches)
        {
            if (start > at)
                parts.Add((at, start, invert));
            parts.Add((start, end, !invert));
            at = end;
        }

        if (at < piece.Length)
            parts.Add((at, piece.Length, invert));
        switch (behavior)
        {
            case SplitBehavior.Removed:
                parts.RemoveAll(p => p.IsMatch);
                break;
            case SplitBehavior.Contiguous:
                parts = Merge(parts, (last, next) => last.IsMatch == next.IsMatch);
                break;
            case SplitBehavior.MergedWithPrevious:
                parts = Merge(parts, (last, next) => next.IsMatch && !last.IsMatch);
                break;
            case SplitBehavior.MergedWithNext:
                // Read from the end; the next part swallows the match before it.
                parts = MergeWithNext(parts);
                break;
        }

        foreach (var (start, end, _) in parts)
            result.Add(piece.Part(start, end - start));
    }

    private static List<(int Start, int End, bool IsMatch)> Merge(
        List<(int Start, int End, bool IsMatch)> parts,
        Func<(int Start, int End, bool IsMatch), (int Start, int End, bool IsMatch), bool> belong)
    {
        var merged = new List<(int Start, int End, bool IsMatch)>(parts.Count);
        var last = default((int Start, int End, bool IsMatch));
        foreach (var part in parts)
        {
            if (merged.Count > 0 && belong(last, part))
                merged[^1] = merged[^1] with { End = part.End };
            else
                merged.Add(part);
            last = part;
        }

        return merged;
    }

    private static List<(int Start, int End, bool IsMatch)> MergeWithNext(
        List<(int Start, int End, bool IsMatch)> parts)
    {
        var merged = new List<(int Start, int End, bool IsMatch)>(parts.Count);
        var nextIsMatch = true;
        for (var i = parts.Count - 1; i >= 0; i--)
        {
            if (parts[i].IsMatch && !nextIsMatch)
                merged[^1] = merged[^1] with { Start = parts[i].Start };
            else
                merged.Add(parts[i]);
            nextIsMatch = parts[i].IsMatch;
        }

        merged.Reverse();
        return merged;
    }
}
