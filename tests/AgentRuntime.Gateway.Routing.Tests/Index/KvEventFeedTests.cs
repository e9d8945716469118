namespace AgentRuntime.Gateway.Routing.Tests;

public class KvEventFeedTests
{
    private readonly KvIndex _index = new(new());
    private readonly BlockHasher _hasher = new(seed: 3);
    private readonly PrefixMatches _matches = new();
    private readonly KvEventFeed _feed;
    private readonly int[] _tokens = [.. Enumerable.Range(100, 64)];

    public KvEventFeedTests()
    {
        _index.Add(0);
        _feed = new(_index, _hasher, engine: 0, blockTokens: 16);
    }

    [Fact]
    public void Blocks_of_events_meet_the_keys_of_requests()
    {
        _feed.Stored([11, 12], null, _tokens.AsSpan(0, 32), 16, BlockScope.Create("salt"));
        _feed.Stored([13], 12, _tokens.AsSpan(32, 16), 16, BlockScope.Create("salt"));

        Assert.Equal(3, Match("salt"));
        Assert.Equal(0, Match("other"));
        _feed.Removed([13]);
        Assert.Equal(2, Match("salt"));
    }

    [Fact]
    public void Blocks_that_cannot_be_correlated_are_counted_and_left_out()
    {
        _feed.Stored([11], 99, _tokens.AsSpan(0, 16), 16, BlockScope.Create(""));
        _feed.Stored([12, 13], null, _tokens.AsSpan(0, 64), 32, BlockScope.Create(""));

        Assert.Equal(3, _feed.Uncorrelated);
        Assert.Equal(0, _index.BlockCount);
    }

    [Fact]
    public void A_live_sequence_that_goes_backwards_is_a_restart_and_forgets_everything()
    {
        Assert.Equal(FeedVerdict.Apply, _feed.Judge(0));
        _feed.Stored([11], null, _tokens.AsSpan(0, 16), 16, BlockScope.Create("s"));
        Assert.Equal(FeedVerdict.Apply, _feed.Judge(1));

        Assert.Equal(FeedVerdict.Restarted, _feed.Judge(0));

        Assert.Equal(0, Match("s"));
        Assert.Equal(FeedVerdict.Apply, _feed.Judge(1));
    }

    [Fact]
    public void Joining_late_is_a_gap_from_0_and_what_the_replay_brought_is_not_applied_twice()
    {
        Assert.Equal(FeedVerdict.Gap, _feed.Judge(5));
        Assert.Equal(0UL, _feed.NextSequence);
        for (ulong s = 0; s <= 6; s++)
            Assert.Equal(FeedVerdict.Apply, _feed.Judge(s, replayed: true));

        Assert.Equal(FeedVerdict.Duplicate, _feed.Judge(5));
        Assert.Equal(FeedVerdict.Duplicate, _feed.Judge(6));
        Assert.Equal(FeedVerdict.Apply, _feed.Judge(7));
    }

    [Fact]
    public void A_replay_that_begins_later_than_asked_is_accepted()
    {
        _feed.Judge(0);
        Assert.Equal(FeedVerdict.Gap, _feed.Judge(20_000));
        Assert.Equal(FeedVerdict.Apply, _feed.Judge(10_000, replayed: true));
        Assert.Equal(10_001UL, _feed.NextSequence);
    }

    [Fact]
    public void After_a_gap_that_is_lost_old_blocks_are_believed_for_a_while_only()
    {
        _feed.Judge(0);
        _feed.Stored([11], null, _tokens.AsSpan(0, 16), 16, BlockScope.Create("s"));
        _feed.Judge(7);
        _feed.GapIsLost(7, now: 10);

        Assert.Equal(FeedVerdict.Apply, _feed.Judge(7));
        Assert.Equal(1, Match("s"));
        _index.Advance(10_000);
        Assert.Equal(0, Match("s"));
    }

    private int Match(string salt)
    {
        var keys = new BlockKey[4];
        _hasher.HashTokens(_tokens, 16, BlockScope.Create(salt), keys);
        _index.Match(keys, _matches);
        return _matches[0];
    }
}
