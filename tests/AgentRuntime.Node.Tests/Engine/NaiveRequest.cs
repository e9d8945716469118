using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Tests.Engine;

/// <summary>A request that computes one token at a time on <see cref="NaiveCells"/>.</summary>
internal sealed class NaiveRequest(int[] tokens, CachedSequence cells, List<BlockHash> hashes)
{
    public const int BlockTokens = 4;

    public int[] Tokens { get; } = tokens;

    public CachedSequence Cells { get; } = cells;

    public List<BlockHash> Hashes { get; } = hashes;

    public int Computed { get; private set; }

    public int Committed { get; private set; }

    public static NaiveRequest Start(PrefixCache cache, NaiveCells cells, int[] tokens)
    {
        var hashes = new List<BlockHash>();
        for (var i = 0; i + BlockTokens <= tokens.Length; i += BlockTokens)
            hashes.Add((i == 0 ? BlockHash.Root("s", null) : hashes[^1]).Next(tokens.AsSpan(i, BlockTokens)));
        var matched = cache.Match(hashes.ToArray());
        var sequence = cache.Start(hashes.ToArray(), matched)!;
        var request = new NaiveRequest(tokens, sequence, hashes)
        {
            Committed = matched, Computed = matched * BlockTokens,
        };
        Assert.Equal(tokens.Take(request.Computed), cells.Read(sequence.Id));
        return request;
    }

    public static NaiveRequest StartAny(PrefixCache cache, NaiveCells cells, Random random)
    {
        // Few different tokens and lengths, so that prefixes meet.
        var tokens = Enumerable.Range(0, random.Next(1, 8))
            .SelectMany(_ => Enumerable.Repeat(random.Next(2), BlockTokens))
            .Concat(Enumerable.Repeat(9, random.Next(1, BlockTokens))).ToArray();
        return Start(cache, cells, tokens);
    }

    /// <summary>Starts it and computes all of it.</summary>
    public static NaiveRequest Run(PrefixCache cache, NaiveCells cells, int[] tokens)
    {
        var request = Start(cache, cells, tokens);
        while (request.Computed < tokens.Length) request.Compute(cache, cells);
        return request;
    }

    /// <summary>Starts it and takes all of it from the archive.</summary>
    public static NaiveRequest Restore(PrefixCache cache, NaiveCells cells, int[] tokens)
    {
        var request = Start(cache, cells, tokens);
        while (request.Computed < tokens.Length) request.Compute(cache, cells, isRestored: true);
        return request;
    }

    public void Compute(PrefixCache cache, NaiveCells cells, bool isRestored = false)
    {
        if (Computed == Tokens.Length) return;
        cells.Add(Cells.Id, Computed, Tokens[Computed]);
        Computed++;
        if (Computed % BlockTokens != 0) return;
        cache.Commit(
            Cells, Hashes[Committed], Tokens.AsSpan(Committed * BlockTokens, BlockTokens), "s", null, isRestored);
        Committed++;
    }
}
