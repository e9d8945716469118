using System.Buffers;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>What a pair of tokens becomes, and how early.</summary>
internal readonly record struct PairMerge(int Rank, int Token)
{
    public static long Key(int left, int right) => ((long)left << 32) | (uint)right;
}

/// <summary>
/// Merges the pairs of one word. Short words are searched through for each merge; in long ones (some vocabularies take
/// a whole prompt for one word) a heap keeps it at n log n. Stateless.
/// </summary>
internal static class PairMerging
{
    private const int Short = 48;

    public static ReadOnlySpan<int> Merge(List<int> symbols, Dictionary<long, PairMerge> merges)
    {
        var tokens = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(symbols);
        return tokens.Length <= Short ? MergeShort(tokens, merges) : MergeLong(tokens, merges);
    }

    private static ReadOnlySpan<int> MergeShort(Span<int> tokens, Dictionary<long, PairMerge> merges)
    {
        while (tokens.Length > 1)
        {
            var best = new PairMerge(int.MaxValue, 0);
            var at = -1;
            for (var i = 0; i + 1 < tokens.Length; i++)
            {
                if (merges.TryGetValue(PairMerge.Key(tokens[i], tokens[i + 1]), out var merge)
                    && merge.Rank < best.Rank)
                    (best, at) = (merge, i);
            }

            if (at < 0)
                break;
            tokens[at] = best.Token;
            tokens[(at + 2)..].CopyTo(tokens[(at + 1)..]);
            tokens = tokens[..^1];
        }

        return tokens;
    }

    private static ReadOnlySpan<int> MergeLong(Span<int> tokens, Dictionary<long, PairMerge> merges)
    {
        var length = tokens.Length;
        var links = ArrayPool<int>.Shared.Rent(2 * length);
        var next = links.AsSpan(0, length);
        var previous = links.AsSpan(length, length);
        var queue = new PriorityQueue<(int At, int Left, int Right, int Token), (int Rank, int At)>();
        for (var i = 0; i < length; i++)
        {
            (previous[i], next[i]) = (i - 1, i + 1 < length ? i + 1 : -1);
            if (i + 1 < length)
                Enqueue(tokens, i, i + 1);
        }

        while (queue.TryDequeue(out var pair, out _))
        {
            // A pair of which a side was merged meanwhile is no pair any more.
            var right = next[pair.At];
            if (tokens[pair.At] != pair.Left || right < 0 || tokens[right] != pair.Right)
                continue;
            tokens[pair.At] = pair.Token;
            tokens[right] = -1;
            next[pair.At] = next[right];
            if (next[right] >= 0)
                previous[next[right]] = pair.At;
            if (previous[pair.At] >= 0)
                Enqueue(tokens, previous[pair.At], pair.At);
            if (next[pair.At] >= 0)
                Enqueue(tokens, pair.At, next[pair.At]);
        }

        ArrayPool<int>.Shared.Return(links);
        var count = 0;
        for (var i = 0; i < length; i++)
        {
            if (tokens[i] >= 0)
                tokens[count++] = tokens[i];
        }

        return tokens[..count];

        void Enqueue(Span<int> all, int left, int right)
        {
            if (merges.TryGetValue(PairMerge.Key(all[left], all[right]), out var merge))
                queue.Enqueue((left, all[left], all[right], merge.Token), (merge.Rank, left));
        }
    }
}
