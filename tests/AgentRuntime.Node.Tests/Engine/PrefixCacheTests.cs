using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Transfer;
using AgentRuntime.TestKit;

namespace AgentRuntime.Node.Tests.Engine;

public sealed class PrefixCacheTests
{
    private const int Block = NaiveRequest.BlockTokens;

    [Fact]
    public void The_tree_agrees_with_a_naive_model_over_random_use()
    {
        var random = new Random(42);
        var cells = new NaiveCells();
        var cache = new PrefixCache(cells, Block, sequenceIds: 24, TimeProvider.System, mostClaimed: 12);
        var running = new List<NaiveRequest>();
        for (var step = 0; step < 5000; step++)
        {
            var dice = random.Next(10);
            if (dice < 3 && running.Count < 6) running.Add(NaiveRequest.StartAny(cache, cells, random));
            else if (dice < 7 && running.Count > 0) running[random.Next(running.Count)].Compute(cache, cells);
            else if (dice < 9 && running.Count > 0)
            {
                var done = running[random.Next(running.Count)];
                cache.Finish(
                    done.Cells, random.Next(2) == 0 ? Keep(random.Next(100), end: random.Next(1, 30)) : null, Block);
                running.Remove(done);
            }
            else
            {
                cache.EvictOne();
            }

            Assert.InRange(cache.IdleCells, 0, cache.Cells);
            // Cells in use are exactly the blocks and the private tails of what runs.
            Assert.Equal(cache.Cells + running.Sum(r => r.Computed - (r.Committed * Block)), cells.Used);
            foreach (var request in running)
                Assert.Equal(request.Tokens.Take(request.Computed), cells.Read(request.Cells.Id));
        }

        foreach (var request in running) cache.Finish(request.Cells);
        while (cache.EvictOne())
        {
        }

        Assert.Equal(0, cells.Used);
        Assert.Equal(0, cache.Blocks);
    }

    [Fact]
    public void What_leaves_the_pool_can_be_put_back_until_the_archive_drops_it_too()
    {
        var random = new Random(43);
        var cells = new NaiveCells();
        var observer = new BlockRecorder([]);
        var archive = new BlockArchive(maxBytes: 12 * Block, TimeProvider.System);
        var cache = new PrefixCache(cells, Block, 24, TimeProvider.System, 0, observer, archive);
        var content = new Dictionary<BlockHash, int[]>();
        var restored = 0;
        for (var step = 0; step < 2000; step++)
        {
            var request = NaiveRequest.StartAny(cache, cells, random);
            for (var i = 0; i < request.Hashes.Count; i++)
            {
                content[request.Hashes[i]] = request.Tokens[(i * Block)..((i + 1) * Block)];
                if (i < request.Committed || cache.FindArchived(request.Hashes[i]) is not { } state) continue;
                Assert.Equal(content[request.Hashes[i]], state.Span.ToArray().Select(b => (int)b));
                restored++;
            }

            while (request.Computed < request.Tokens.Length) request.Compute(cache, cells);
            cache.Finish(request.Cells);
            Assert.Equal(cache.Cells, cache.IdleCells);
            while (cache.IdleCells > 6 * Block) Assert.True(cache.EvictOne());
            Assert.True(archive.Bytes <= 12 * Block);
            // Whoever listens knows exactly what is in the pool or in the archive.
            Assert.Equal(
                content.Keys.Where(h => archive.Contains(h) || cache.Match([h]) == 1).ToHashSet(),
                observer.Known);
        }

        Assert.True(restored > 100);
    }

    [Fact]
    public void The_least_recently_used_leaf_goes_first()
    {
        var cells = new NaiveCells();
        var removed = new List<BlockHash>();
        var cache = new PrefixCache(cells, Block, 8, TimeProvider.System, 0, new BlockRecorder(removed));
        var a = Run(cache, cells, [1, 1, 1, 1, 2, 2, 2, 2]);
        var b = Run(cache, cells, [1, 1, 1, 1, 3, 3, 3, 3]);
        Run(cache, cells, [1, 1, 1, 1, 2, 2, 2, 2]);

        while (cache.EvictOne())
        {
        }

        Assert.Equal([b[1], a[1], a[0]], removed);
    }

    [Fact]
    public void What_a_request_asked_to_keep_goes_last_until_its_time_is_over()
    {
        var cells = new NaiveCells();
        var removed = new List<BlockHash>();
        var time = new ManualTime();
        var cache = new PrefixCache(cells, Block, 8, time, mostClaimed: 10, new BlockRecorder(removed));
        var kept = Run(cache, cells, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3], Keep(50, seconds: 10, end: 5));
        var plain = Run(cache, cells, [4, 4, 4, 4]);
        var more = Run(cache, cells, [5, 5, 5, 5], Keep(80, seconds: 10));

        // Nobody claims the third block; the first two are older than the rest and claimed.
        Assert.True(cache.EvictOne());
        Assert.True(cache.EvictOne());
        Assert.Equal([kept[2], plain[0]], removed);
        Assert.True(cache.EvictOne());
        Assert.Equal(kept[1], removed[^1]);

        var last = Run(cache, cells, [6, 6, 6, 6]);
        time.Advance(TimeSpan.FromSeconds(11));
        while (cache.EvictOne())
        {
        }

        Assert.Equal(new[] { kept[0], more[0] }.ToHashSet(), removed[3..5].ToHashSet());
        Assert.Equal(last[0], removed[^1]);
        Assert.Equal(0, cells.Used);
    }

    [Fact]
    public void A_claim_beyond_what_may_be_claimed_is_not_taken()
    {
        var cells = new NaiveCells();
        var removed = new List<BlockHash>();
        var cache = new PrefixCache(cells, Block, 8, TimeProvider.System, mostClaimed: 2, new BlockRecorder(removed));
        var small = Run(cache, cells, [1, 1, 1, 1], Keep(50));
        var large = Run(cache, cells, [2, 2, 2, 2, 3, 3, 3, 3], Keep(50));
        while (cache.EvictOne())
        {
        }

        Assert.Equal([large[1], large[0], small[0]], removed);
    }

    [Fact]
    public void What_was_asked_to_be_kept_outlives_the_rest_in_the_archive_too()
    {
        var cells = new NaiveCells();
        var time = new ManualTime();
        var size = new BlockArchive(long.MaxValue, time);
        size.Add(default, null, default, KvBuffer.Rent(Block), false);
        var archive = new BlockArchive(maxBytes: 4 * size.Bytes, time);
        var cache = new PrefixCache(cells, Block, 8, time, mostClaimed: 10, archive: archive);
        var kept = Run(cache, cells, [1, 1, 1, 1], Keep(50, seconds: 10));
        for (var i = 2; i < 12; i++)
        {
            Run(cache, cells, [i, i, i, i]);
            while (cache.EvictOne())
            {
            }
        }

        Assert.True(archive.Contains(kept[0]));
        time.Advance(TimeSpan.FromSeconds(11));
        Run(cache, cells, [12, 12, 12, 12]);
        Assert.True(cache.EvictOne());
        Assert.False(archive.Contains(kept[0]));
    }

    [Fact]
    public void Another_salt_sees_nothing()
    {
        int[] tokens = [1, 2, 3, 4];
        Assert.NotEqual(BlockHash.Root("a", null).Next(tokens), BlockHash.Root("b", null).Next(tokens));
        Assert.NotEqual(BlockHash.Root("a", null).Next(tokens), BlockHash.Root(null, null).Next(tokens));
        Assert.NotEqual(BlockHash.Root("a", null).Next(tokens), BlockHash.Root("a", "lora").Next(tokens));
        Assert.Equal(BlockHash.Root("a", null).Next(tokens), BlockHash.Root("a", null).Next(tokens));
    }

    private static RetainDirective[] Keep(int priority, int seconds = 60, int? end = null) =>
        [new(0, end, priority, TimeSpan.FromSeconds(seconds))];

    private static List<BlockHash> Run(
        PrefixCache cache, NaiveCells cells, int[] tokens, RetainDirective[]? retain = null)
    {
        var request = NaiveRequest.Run(cache, cells, tokens);
        cache.Finish(request.Cells, retain, tokens.Length);
        return request.Hashes;
    }
}
