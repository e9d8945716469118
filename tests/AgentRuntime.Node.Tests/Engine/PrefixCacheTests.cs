using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Transfer;
using AgentRuntime.TestKit;

namespace AgentRuntime.Node.Tests.Engine;

public sealed class PrefixCacheTests
{
    private const int Block = 4;

    [Fact]
    public void The_tree_agrees_with_a_naive_model_over_random_use()
    {
        var random = new Random(42);
        var cells = new NaiveCells();
        var cache = new PrefixCache(cells, Block, sequenceIds: 24, TimeProvider.System, mostClaimed: 12);
        var running = new List<Request>();
        for (var step = 0; step < 5000; step++)
        {
            var dice = random.Next(10);
            if (dice < 3 && running.Count < 6) running.Add(Start(cache, cells, random));
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
        var observer = new Recorder([]);
        var archive = new BlockArchive(maxBytes: 12 * Block, TimeProvider.System);
        var cache = new PrefixCache(cells, Block, 24, TimeProvider.System, 0, observer, archive);
        var content = new Dictionary<BlockHash, int[]>();
        var restored = 0;
        for (var step = 0; step < 2000; step++)
        {
            var request = Start(cache, cells, random);
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
    public void Whatever_begins_with_a_forgotten_block_is_gone_from_the_pool_and_the_archive()
    {
        var random = new Random(44);
        var cells = new NaiveCells();
        var observer = new Recorder([]);
        var archive = new BlockArchive(maxBytes: 40 * Block, TimeProvider.System);
        var cache = new PrefixCache(cells, Block, 24, TimeProvider.System, mostClaimed: 12, observer, archive);
        var paths = new Dictionary<BlockHash, HashSet<BlockHash>>();
        var (pooled, archived) = (0, 0);
        for (var step = 0; step < 2000; step++)
        {
            var request = Start(cache, cells, random);
            while (request.Computed < request.Tokens.Length) request.Compute(cache, cells);
            cache.Finish(request.Cells, random.Next(3) == 0 ? Keep(random.Next(100), end: 9) : null, Block);
            while (cache.IdleCells > 12 * Block) Assert.True(cache.EvictOne());
            if (request.Hashes.Count == 0) continue;
            if (!paths.TryGetValue(request.Hashes[0], out var blocks)) paths[request.Hashes[0]] = blocks = [];
            blocks.UnionWith(request.Hashes);
            if (random.Next(8) > 0) continue;

            var (first, all) = paths.ElementAt(random.Next(paths.Count));
            pooled += all.Count(hash => cache.Match([hash]) == 1);
            archived += all.Count(archive.Contains);
            var kept = observer.Known.Where(hash => !all.Contains(hash)).ToHashSet();
            cache.Forget(first);
            Assert.DoesNotContain(all, hash => cache.Match([hash]) == 1 || archive.Contains(hash));
            // Whoever listens knows it, and no other path has lost anything.
            Assert.Equal(kept, observer.Known);
            Assert.Equal(cache.Cells, cells.Used);
            Assert.Equal(cache.Cells, cache.IdleCells);
        }

        Assert.True(pooled > 100 && archived > 100);
        while (cache.EvictOne())
        {
        }

        Assert.Equal(0, cells.Used);
    }

    [Fact]
    public void What_a_sequence_stands_on_is_not_forgotten_beneath_it()
    {
        var cells = new NaiveCells();
        var cache = new PrefixCache(cells, Block, 8, TimeProvider.System, 0);
        var request = Request.Start(cache, cells, [1, 1, 1, 1]);
        while (request.Computed < 4) request.Compute(cache, cells);
        Assert.Throws<InvalidOperationException>(() => cache.Forget(request.Hashes[0]));
        cache.Finish(request.Cells);
        cache.Forget(request.Hashes[0]);
        Assert.Equal(0, cells.Used);
    }

    [Fact]
    public void The_least_recently_used_leaf_goes_first()
    {
        var cells = new NaiveCells();
        var removed = new List<BlockHash>();
        var cache = new PrefixCache(cells, Block, 8, TimeProvider.System, 0, new Recorder(removed));
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
        var cache = new PrefixCache(cells, Block, 8, time, mostClaimed: 10, new Recorder(removed));
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
        var cache = new PrefixCache(cells, Block, 8, TimeProvider.System, mostClaimed: 2, new Recorder(removed));
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
        size.Add(default, default, KvBuffer.Rent(Block));
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

    private static Request Start(PrefixCache cache, NaiveCells cells, Random random)
    {
        // Few different tokens and lengths, so that prefixes meet.
        var tokens = Enumerable.Range(0, random.Next(1, 8)).SelectMany(_ => Enumerable.Repeat(random.Next(2), Block))
            .Concat(Enumerable.Repeat(9, random.Next(1, Block))).ToArray();
        return Request.Start(cache, cells, tokens);
    }

    private static RetainDirective[] Keep(int priority, int seconds = 60, int? end = null) =>
        [new(0, end, priority, TimeSpan.FromSeconds(seconds))];

    private static List<BlockHash> Run(
        PrefixCache cache, NaiveCells cells, int[] tokens, RetainDirective[]? retain = null)
    {
        var request = Request.Start(cache, cells, tokens);
        while (request.Computed < tokens.Length) request.Compute(cache, cells);
        cache.Finish(request.Cells, retain, tokens.Length);
        return request.Hashes;
    }

    private sealed record Recorder(List<BlockHash> Gone) : IPrefixCacheObserver
    {
        public HashSet<BlockHash> Known { get; } = [];

        public void Stored(in StoredBlock block) => Assert.True(Known.Add(block.Hash));

        public void Removed(BlockHash hash)
        {
            Assert.True(Known.Remove(hash));
            Gone.Add(hash);
        }

        public void Cleared()
        {
        }

        public void Flush()
        {
        }
    }

    private sealed class Request(int[] tokens, CachedSequence cells, List<BlockHash> hashes)
    {
        public int[] Tokens { get; } = tokens;

        public CachedSequence Cells { get; } = cells;

        public List<BlockHash> Hashes { get; } = hashes;

        public int Computed { get; private set; }

        public int Committed { get; private set; }

        public static Request Start(PrefixCache cache, NaiveCells cells, int[] tokens)
        {
            var hashes = new List<BlockHash>();
            for (var i = 0; i + Block <= tokens.Length; i += Block)
                hashes.Add((i == 0 ? BlockHash.Root("s", null) : hashes[^1]).Next(tokens.AsSpan(i, Block)));
            var matched = cache.Match(hashes.ToArray());
            var sequence = cache.Start(hashes.ToArray(), matched)!;
            var request = new Request(tokens, sequence, hashes) { Committed = matched, Computed = matched * Block };
            Assert.Equal(tokens.Take(request.Computed), cells.Read(sequence.Id));
            return request;
        }

        public void Compute(PrefixCache cache, NaiveCells cells)
        {
            if (Computed == Tokens.Length) return;
            cells.Add(Cells.Id, Computed, Tokens[Computed]);
            Computed++;
            if (Computed % Block != 0) return;
            cache.Commit(Cells, Hashes[Committed], Tokens.AsSpan(Committed * Block, Block), "s", null);
            Committed++;
        }
    }

    /// <summary>Cells as llama.cpp has them: a position, a token, and the set of sequences that see it.</summary>
    private sealed class NaiveCells : IKvCells
    {
        private readonly List<(int Position, int Token, HashSet<int> Sequences)> _cells = [];

        public int Used => _cells.Count;

        public void Add(int sequence, int position, int token) => _cells.Add((position, token, [sequence]));

        public IEnumerable<int> Read(int sequence) =>
            _cells.Where(c => c.Sequences.Contains(sequence)).OrderBy(c => c.Position).Select(c => c.Token);

        public void Share(int source, int target, int from, int to)
        {
            foreach (var cell in _cells)
                if (cell.Position >= from && cell.Position < to && cell.Sequences.Contains(source))
                    cell.Sequences.Add(target);
        }

        public KvBuffer Export(int sequence, int from, int to, Func<int, KvBuffer> allocate)
        {
            var state = allocate(to - from);
            Read(sequence).Skip(from).Take(to - from).Select(token => (byte)token).ToArray().CopyTo(state.Span);
            return state;
        }

        public void Truncate(int sequence, int from) => Remove(sequence, from, int.MaxValue);

        public void Remove(int sequence, int from, int to)
        {
            foreach (var cell in _cells)
                if (cell.Position >= from && cell.Position < to)
                    cell.Sequences.Remove(sequence);
            _cells.RemoveAll(c => c.Sequences.Count == 0);
        }
    }
}
