using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>For what an engine's silence is counted, and for what not.</summary>
public class EngineStreamTests
{
    private static readonly TimeSpan AWhile = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task An_engine_that_is_silent_while_it_is_waited_for_times_out()
    {
        await using var engine = new PipedStream();
        await engine.SendTextAsync("one");
        Assert.Equal("one", await engine.NextTextAsync());

        var next = engine.NextTextAsync();
        engine.Time.Advance(PipedStream.BetweenTokens);

        var failure = await Assert.ThrowsAsync<EngineFailure>(() => next);
        Assert.Equal(ReasonCodes.EngineTimeout, failure.Error.Code);
    }

    [Fact]
    public async Task The_first_token_has_its_own_time()
    {
        await using var engine = new PipedStream();

        var next = engine.NextTextAsync();
        engine.Time.Advance(TimeSpan.FromSeconds(119));
        Assert.False(next.IsCompleted);
        engine.Time.Advance(TimeSpan.FromSeconds(1));

        await Assert.ThrowsAsync<EngineFailure>(() => next);
    }

    [Fact]
    public async Task Comments_before_the_first_token_do_not_prolong_its_time()
    {
        await using var engine = new PipedStream();

        var next = engine.NextTextAsync();
        for (var i = 0; i < 5; i++)
        {
            engine.Time.Advance(AWhile);
            await engine.SendAsync(": \n\n"u8.ToArray());
        }

        engine.Time.Advance(AWhile);

        var failure = await Assert.ThrowsAsync<EngineFailure>(() => next.WaitAsync(Eventually.Patience));
        Assert.Equal(ReasonCodes.EngineTimeout, failure.Error.Code);
    }

    [Fact]
    public async Task The_time_that_a_client_takes_is_not_counted_against_the_engine()
    {
        await using var engine = new PipedStream();
        await engine.SendTextAsync("one");
        Assert.Equal("one", await engine.NextTextAsync());
        foreach (var text in new[] { "two", "three" })
        {
            var next = engine.NextTextAsync();
            engine.Time.Advance(AWhile);
            await engine.SendTextAsync(text);
            Assert.Equal(text, await next);

            // The client takes nothing.
            engine.Time.Advance(TimeSpan.FromHours(1));
        }
    }

    [Fact]
    public async Task An_engine_that_is_ahead_of_its_client_has_no_deadline()
    {
        await using var engine = new PipedStream();
        for (var i = 0; i < 20; i++)
        {
            await engine.SendTextAsync($"{i}");
            Assert.Equal($"{i}", await engine.NextTextAsync());
            engine.Time.Advance(AWhile);
        }
    }

    [Theory]
    [InlineData(": \n\n")]
    [InlineData("data:\n\n")]
    [InlineData("data: \r\r")]
    public async Task A_comment_or_an_event_without_data_is_a_sign_of_life(string sign)
    {
        await using var engine = new PipedStream();
        await engine.SendTextAsync("one");
        Assert.Equal("one", await engine.NextTextAsync());

        var next = engine.NextTextAsync();
        for (var i = 0; i < 5; i++)
        {
            engine.Time.Advance(AWhile);
            await engine.SendAsync(System.Text.Encoding.UTF8.GetBytes(sign));
            await engine.WaitsAnewAsync();
        }

        await engine.SendTextAsync("two");
        Assert.Equal("two", await next);
    }

    [Fact]
    public async Task After_the_answers_end_what_is_silent_is_over()
    {
        await using var engine = await WholeAsync();

        var next = engine.NextAsync();
        engine.Time.Advance(EngineStream.AccountWithin);

        Assert.Null(await next);
        Assert.Null(await engine.NextAsync());
    }

    [Fact]
    public async Task After_the_answers_end_signs_of_life_prolong_nothing()
    {
        await using var engine = await WholeAsync();

        var next = engine.NextAsync();
        for (var left = EngineStream.AccountWithin; left > TimeSpan.Zero; left -= TimeSpan.FromSeconds(1))
        {
            await engine.WaitsForAsync(left);
            engine.Time.Advance(TimeSpan.FromSeconds(1));
            await engine.SendAsync(": \n\n"u8.ToArray());
        }

        Assert.Null(await next.WaitAsync(Eventually.Patience));
    }

    [Fact]
    public async Task After_the_answers_end_the_time_that_a_client_takes_is_not_counted()
    {
        await using var engine = await WholeAsync();
        engine.Time.Advance(TimeSpan.FromHours(1));
        await engine.SendTextAsync("account");

        Assert.Equal("account", await engine.NextTextAsync());
    }

    [Theory]
    [InlineData("data: {\"choices\":[]}\n\n")]
    [InlineData("data: {\"choices\":[]}")]
    [InlineData(": \n\n")]
    public async Task After_the_answers_end_what_has_no_end_is_cut_off(string what)
    {
        await using var engine = await WholeAsync();
        engine.Flood(what);

        while (await engine.NextAsync().WaitAsync(Eventually.Patience) is not null)
        {
        }
    }

    [Theory]
    [InlineData(": \n\n")]
    [InlineData("data:\n\n")]
    public async Task Comments_without_measure_are_no_answer(string comment)
    {
        await using var engine = new PipedStream();
        engine.Flood(comment);

        var failure = await Assert.ThrowsAsync<EngineFailure>(
            () => engine.NextAsync().WaitAsync(Eventually.Patience));

        Assert.Equal(FailureKind.Broken, failure.Kind);
    }

    private static async Task<PipedStream> WholeAsync()
    {
        var engine = new PipedStream();
        await engine.SendTextAsync("one");
        Assert.Equal("one", await engine.NextTextAsync());
        engine.IsWhole();
        return engine;
    }
}
