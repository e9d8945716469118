using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Tests.Engine;

/// <summary>What is forgotten when no numbers come out, and what is not.</summary>
public sealed class PrefixCacheSuspectsTests
{
    private const int Block = NaiveRequest.BlockTokens;

    [Fact]
    public void What_was_computed_on_a_forgotten_block_is_gone_from_the_pool_and_the_archive_and_nothing_else_is()
    {
        var random = new Random(44);
        var cells = new NaiveCells();
        var observer = new BlockRecorder([]);
        var archive = new BlockArchive(maxBytes: 40 * Block, TimeProvider.System);
        var cache = new PrefixCache(cells, Block, 24, TimeProvider.System, mostClaimed: 12, observer, archive);
        var paths = new Dictionary<BlockHash, BlockHash[]>();
        var (pooled, archived, kept, orphans) = (0, 0, 0, 0);
        for (var step = 0; step < 3000; step++)
        {
            var request = NaiveRequest.StartAny(cache, cells, random);
            while (request.Computed < request.Tokens.Length) request.Compute(cache, cells);
            for (var i = 0; i < request.Hashes.Count; i++) paths[request.Hashes[i]] = [.. request.Hashes[..(i + 1)]];
            var suspect = random.Next(8) == 0 ? request.Cells.Tip : null;
            for (var up = random.Next(8); up > 0 && suspect?.Parent is not null; up--) suspect = suspect.Parent;
            RetainDirective[]? keep = random.Next(3) > 0
                ? null : [new(0, 9, random.Next(100), TimeSpan.FromMinutes(1))];
            cache.Finish(request.Cells, keep, Block);
            while (cache.IdleCells > 12 * Block) Assert.True(cache.EvictOne());
            // It may have been evicted by now, as no block on which a sequence stands is.
            if (suspect is null || cache.Match([suspect.Hash]) == 0) continue;

            var before = observer.Known.ToHashSet();
            var below = before.Where(hash => paths[hash].Contains(suspect.Hash)).ToHashSet();
            // Of a block whose path has a gap nobody knows what it stands on, if it is of the same beginning.
            var gaps = before.Except(below)
                .Where(hash => paths[hash][0] == suspect.First && !paths[hash].All(before.Contains)).ToHashSet();
            pooled += below.Count(hash => cache.Match([hash]) == 1);
            archived += below.Count(archive.Contains);
            orphans += gaps.Count;
            cache.Forget(suspect);

            Assert.DoesNotContain(below, hash => cache.Match([hash]) == 1 || archive.Contains(hash));
            // Whoever listens knows it, and nothing else is lost.
            var left = before.Except(below).Except(gaps).ToHashSet();
            Assert.Equal(left, observer.Known);
            kept += left.Count(hash => paths[hash][0] == suspect.First);
            Assert.Equal(cache.Cells, cells.Used);
            Assert.Equal(cache.Cells, cache.IdleCells);
        }

        Assert.True(pooled > 100 && archived > 100 && kept > 100 && orphans > 0);
        while (cache.EvictOne())
        {
        }

        Assert.Equal(0, cells.Used);
    }

    [Fact]
    public void What_a_sequence_stands_on_is_not_forgotten_beneath_it()
    {
        var cells = new NaiveCells();
        var cache = Cache(cells);
        var request = NaiveRequest.Run(cache, cells, [1, 1, 1, 1]);
        var block = request.Cells.Tip!;
        Assert.Throws<InvalidOperationException>(() => cache.Forget(block));
        Assert.Equal(1, cache.Match([block.Hash]));
        cache.Finish(request.Cells);
        cache.Forget(block);
        Assert.Equal(0, cells.Used);
    }

    [Fact]
    public void A_path_is_suspect_from_where_nobody_got_to_numbers_on_it()
    {
        var cells = new NaiveCells();
        var cache = Cache(cells);
        var first = NaiveRequest.Run(cache, cells, [1, 1, 1, 1, 2, 2, 2, 2]);
        Assert.Equal(first.Hashes[0], cache.Suspect(first.Cells)!.Hash);
        PrefixCache.Vouch(first.Cells);
        Assert.Null(cache.Suspect(first.Cells));

        var second = NaiveRequest.Run(cache, cells, [1, 1, 1, 1, 3, 3, 3, 3, 4, 4, 4, 4]);
        var suspect = cache.Suspect(second.Cells)!;
        Assert.Equal(second.Hashes[1], suspect.Hash);
        Assert.True(PrefixCache.StandsOn(second.Cells, suspect));
        Assert.False(PrefixCache.StandsOn(first.Cells, suspect));
        cache.Finish(second.Cells);
        cache.Forget(suspect);

        Assert.Equal(2, cache.Match(first.Hashes.ToArray()));
        Assert.Equal(1, cache.Match(second.Hashes.ToArray()));
    }

    [Fact]
    public void Cells_that_hold_no_numbers_are_found_whoever_got_to_numbers_on_them_before()
    {
        var cells = new NaiveCells();
        var cache = Cache(cells);
        var tokens = Enumerable.Range(0, 40 * Block).Select(i => 1 + (i / Block)).ToArray();
        var request = NaiveRequest.Run(cache, cells, tokens);
        PrefixCache.Vouch(request.Cells);

        cells.Spoil(request.Cells.Id, position: (20 * Block) + 1);

        // They are looked through many at once, and the first of those is as good as the one.
        var suspect = cache.Suspect(request.Cells)!;
        Assert.InRange(suspect.End / Block, 16, 21);
        cells.Spoil(request.Cells.Id, position: 0);
        Assert.Equal(request.Hashes[0], cache.Suspect(request.Cells)!.Hash);
    }

    [Fact]
    public void On_what_is_doubted_the_next_has_to_get_to_numbers_or_it_is_suspect_as_a_whole()
    {
        var cells = new NaiveCells();
        var cache = Cache(cells);
        var a = NaiveRequest.Run(cache, cells, [1, 1, 1, 1, 2, 2, 2, 2]);
        var b = NaiveRequest.Run(cache, cells, [1, 1, 1, 1, 3, 3, 3, 3]);
        var other = NaiveRequest.Run(cache, cells, [5, 5, 5, 5]);
        foreach (var request in (NaiveRequest[])[a, b, other]) PrefixCache.Vouch(request.Cells);

        cache.Doubt(a.Hashes[0]);
        Assert.Equal(a.Hashes[0], cache.Suspect(a.Cells)!.Hash);
        Assert.Null(cache.Suspect(other.Cells));
        PrefixCache.Vouch(b.Cells);
        Assert.Equal(a.Hashes[1], cache.Suspect(a.Cells)!.Hash);
    }

    [Fact]
    public void Whoever_computed_a_block_that_another_had_first_does_not_vouch_for_the_others()
    {
        var cells = new NaiveCells();
        var cache = Cache(cells);
        var spoiled = NaiveRequest.Start(cache, cells, [1, 1, 1, 1]);
        var good = NaiveRequest.Start(cache, cells, [1, 1, 1, 1]);
        while (spoiled.Computed < Block) spoiled.Compute(cache, cells);
        for (var i = 1; i < Block; i++) good.Compute(cache, cells);
        // Its pass came to numbers; then its block gives way to the one that is there.
        PrefixCache.Vouch(good.Cells);
        good.Compute(cache, cells);

        Assert.Equal(good.Hashes[0], cache.Suspect(good.Cells)!.Hash);
    }

    [Fact]
    public void What_is_known_of_a_block_is_known_when_it_comes_back_from_the_archive()
    {
        var cells = new NaiveCells();
        var archive = new BlockArchive(maxBytes: 1 << 20, TimeProvider.System);
        var cache = new PrefixCache(cells, Block, 8, TimeProvider.System, 0, archive: archive);
        int[] tokens = [1, 1, 1, 1, 2, 2, 2, 2];
        var request = NaiveRequest.Run(cache, cells, tokens);
        LeaveAndEvict(request);
        // Nobody came to numbers on it; then somebody does, and then it is doubted.
        request = NaiveRequest.Restore(cache, cells, tokens);
        Assert.Equal(request.Hashes[0], cache.Suspect(request.Cells)!.Hash);
        PrefixCache.Vouch(request.Cells);
        LeaveAndEvict(request);
        request = NaiveRequest.Restore(cache, cells, tokens);
        Assert.Null(cache.Suspect(request.Cells));
        LeaveAndEvict(request);
        cache.Doubt(request.Hashes[0]);
        request = NaiveRequest.Restore(cache, cells, tokens);
        Assert.Equal(request.Hashes[0], cache.Suspect(request.Cells)!.Hash);

        // What is computed anew is not what is in the archive.
        PrefixCache.Vouch(request.Cells);
        LeaveAndEvict(request);
        request = NaiveRequest.Run(cache, cells, tokens);
        Assert.Equal(request.Hashes[0], cache.Suspect(request.Cells)!.Hash);

        void LeaveAndEvict(NaiveRequest left)
        {
            cache.Finish(left.Cells);
            while (cache.EvictOne())
            {
            }
        }
    }

    private static PrefixCache Cache(NaiveCells cells) => new(cells, Block, 8, TimeProvider.System, mostClaimed: 0);
}
