namespace AgentRuntime.Gateway.Routing.Tests;

public class KvIndexTests
{
    private readonly PrefixMatches _matches = new();

    [Fact]
    public void An_engine_that_restarted_is_credited_with_nothing_from_that_moment()
    {
        var index = WithEngines(2);
        var blocks = CoreFixture.Blocks(0, 1000);
        foreach (var key in blocks)
        {
            index.Store(0, key);
            index.Store(1, key);
        }

        index.Forget(0);
        index.Match(blocks, _matches);

        Assert.Equal((0, 1000), (_matches[0], _matches[1]));
        Assert.Equal(0, index.HeldBy(0));
    }

    [Fact]
    public void Slots_of_forgotten_engines_come_back_clean_however_often_engines_restart()
    {
        var index = WithEngines(8);
        for (var round = 0; round < 2_000; round++)
        {
            var blocks = CoreFixture.Blocks(round * 5, 5);
            foreach (var key in blocks)
                index.Store(round % 8, key);
            index.Forget(round % 8);
            index.Match(blocks, _matches);
            Assert.Equal(0, _matches.EngineCount);
        }

        Assert.True(index.MemoryBytes < 4 << 20, $"{index.MemoryBytes} bytes");
    }

    [Fact]
    public void A_full_index_drops_blocks_and_stays_within_its_bound()
    {
        var index = new KvIndex(new() { MaxBlocks = 10_000 });
        index.Add(0);
        foreach (var key in CoreFixture.Blocks(0, 100_000))
            index.Store(0, key);

        Assert.InRange(index.BlockCount, 5_000, 11_300);
        Assert.Equal(index.BlockCount, index.HeldBy(0));
        Assert.Equal(100_000, index.BlockCount + index.Evictions);
    }

    [Fact]
    public void A_source_in_doubt_is_believed_for_a_while_and_then_only_for_what_it_confirmed()
    {
        var index = new KvIndex(new() { UnconfirmedSeconds = 100 });
        index.Add(0);
        var blocks = CoreFixture.Blocks(0, 10);
        foreach (var key in blocks)
            index.Store(0, key);

        index.Doubt(0, now: 0);
        index.Store(0, blocks[0]);
        index.Advance(99);
        index.Match(blocks, _matches);
        Assert.Equal(10, _matches[0]);

        index.Advance(101);
        index.Match(blocks, _matches);
        Assert.Equal(1, _matches[0]);
    }

    [Fact]
    public void Speculation_beyond_the_bound_pushes_out_the_oldest()
    {
        var index = new KvIndex(new() { MaxSpeculative = 1024 });
        index.Add(0);
        index.Speculate(0, CoreFixture.Blocks(0, 5_000), now: 0);

        Assert.InRange(index.SpeculativeCount, 1, 1024);
        Assert.Equal(index.SpeculativeCount, index.HeldBy(0));
    }

    private static KvIndex WithEngines(int count)
    {
        var index = new KvIndex(new());
        for (var e = 0; e < count; e++)
            index.Add(e);
        return index;
    }
}
