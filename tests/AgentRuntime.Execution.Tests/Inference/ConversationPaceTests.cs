using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

public sealed class ConversationPaceTests
{
    private static readonly AgentId Agent = AgentId.New(TimeProvider.System);
    private readonly ConversationPace _pace = new();

    [Fact]
    public void Nothing_is_expected_of_an_agent_that_nobody_knows_or_that_asks_once_a_run()
    {
        Assert.Null(_pace.Asks(Agent, sinceLast: null));
        for (var i = 0; i < 20; i++)
        {
            Assert.Null(_pace.Asks(Agent, sinceLast: null));
            _pace.Ended(Agent);
        }
    }

    [Fact]
    public void A_steady_agent_is_expected_soon_after_its_usual_time()
    {
        TimeSpan? expected = null;
        for (var i = 0; i < 50; i++)
            expected = _pace.Asks(Agent, TimeSpan.FromSeconds(2));
        Assert.InRange(expected!.Value.TotalSeconds, 2, 2.1);
        Assert.Null(_pace.Asks(AgentId.New(TimeProvider.System), sinceLast: null));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_bound_holds_for_most_of_times_that_vary(int seed)
    {
        var random = new Random(seed);
        var (held, asked) = (0, 0);
        TimeSpan? bound = null;
        for (var i = 0; i < 500; i++)
        {
            var next = TimeSpan.FromSeconds(1 + (-2 * Math.Log(1 - random.NextDouble())));
            if (bound is { } b)
                (held, asked) = (held + (next <= b ? 1 : 0), asked + 1);
            bound = _pace.Asks(Agent, next);
        }

        Assert.InRange(held / (double)asked, 0.9, 1);
    }

    [Fact]
    public void Whoever_seldom_asks_again_or_far_too_late_is_not_waited_for()
    {
        for (var i = 0; i < 40; i++)
        {
            _pace.Asks(Agent, i % 4 == 0 ? TimeSpan.FromSeconds(1) : null);
            if (i % 4 != 0)
                _pace.Ended(Agent);
        }

        Assert.Null(_pace.Asks(Agent, sinceLast: null));
        for (var i = 0; i < 20; i++)
            _pace.Asks(Agent, TimeSpan.FromSeconds(1));
        Assert.NotNull(_pace.Asks(Agent, sinceLast: null));
        for (var i = 0; i < 20; i++)
            _pace.Asks(Agent, ConversationPace.Longest + TimeSpan.FromSeconds(1));
        Assert.Null(_pace.Asks(Agent, sinceLast: null));
    }

    [Fact]
    public void Many_agents_take_bounded_memory_and_the_last_is_known()
    {
        for (var i = 0; i < ConversationPace.MostAgents + 500; i++)
            _pace.Asks(AgentId.New(TimeProvider.System), TimeSpan.FromSeconds(1));
        Assert.NotNull(_pace.Asks(Agent, TimeSpan.FromSeconds(1)));
        Assert.Equal(ConversationPace.MostAgents, _pace.Agents);
    }

    [Fact]
    public void An_agent_that_comes_back_to_ask_again_after_an_end_has_the_bound_that_was_learned()
    {
        for (var run = 0; run < 30; run++)
        {
            _pace.Asks(Agent, sinceLast: null);
            _pace.Asks(Agent, TimeSpan.FromSeconds(3));
            _pace.Asks(Agent, TimeSpan.FromSeconds(3));
            _pace.Ended(Agent);
        }

        Assert.InRange(_pace.Asks(Agent, sinceLast: null)!.Value.TotalSeconds, 3, 3.3);
    }
}
