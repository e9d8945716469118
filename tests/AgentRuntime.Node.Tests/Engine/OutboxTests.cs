using AgentRuntime.Abstractions;
using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Tests.Engine;

/// <summary>What a pass wrote reaches its readers together and in order.</summary>
public sealed class OutboxTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Nobody_hears_of_a_token_before_every_token_was_chosen_and_then_in_order()
    {
        var outbox = new Outbox();
        var seen = new List<(int Reader, int Token)>();
        Generation[] generations = [Create(), Create(), Create()];
        var readers = generations.Select((g, i) => ReadAsync(g, i, seen)).ToArray();

        for (var token = 0; token < 5; token++)
        {
            for (var i = 0; i < generations.Length; i++)
            {
                outbox.Add(generations[i], new(token));
                Assert.Equal(token * generations.Length, seen.Count);
            }

            outbox.Publish();
            // A reader that waits goes on inside: there is nothing to wait for here.
            Assert.Equal((token + 1) * generations.Length, seen.Count);
        }

        var expected =
            from token in Enumerable.Range(0, 5) from reader in Enumerable.Range(0, 3) select (reader, token);
        Assert.Equal(expected, seen);
        foreach (var generation in generations) outbox.Add(generation, new(0, null, new("length")));
        outbox.Publish();
        Assert.All(await Task.WhenAll(readers).WaitAsync(Patience), end => Assert.Equal("length", end.FinishReason));
    }

    [Fact]
    public async Task The_end_comes_after_the_tokens_of_its_pass_and_not_on_the_engines_thread()
    {
        var outbox = new Outbox();
        var generation = Create();
        var seen = new List<(int, int)>();
        var endedOn = 0;
        var reader = Task.Run(async () =>
        {
            var end = await ReadAsync(generation, 0, seen);
            endedOn = Environment.CurrentManagedThreadId;
            return end;
        });
        var engine = new Thread(() =>
        {
            outbox.Add(generation, new(7));
            outbox.Add(generation, new(0, null, new(null, new(ReasonCodes.EngineFailed, "it failed", "engine"))));
            outbox.Publish();
        });
        engine.Start();
        var error = (await reader.WaitAsync(Patience)).Error;
        engine.Join();
        Assert.Equal(ReasonCodes.EngineFailed, error!.Code);
        Assert.Equal([(0, 7)], seen);
        Assert.NotEqual(engine.ManagedThreadId, endedOn);
    }

    [Fact]
    public async Task A_reader_that_does_not_read_costs_the_others_nothing_and_finds_everything_later()
    {
        var outbox = new Outbox();
        var slow = Create();
        var quick = Create();
        var seen = new List<(int, int)>();
        var reading = ReadAsync(quick, 0, seen);
        for (var token = 0; token < 1000; token++)
        {
            outbox.Add(slow, new(token));
            outbox.Add(quick, new(token));
            outbox.Publish();
        }

        Assert.Equal(1000, seen.Count);
        outbox.Add(slow, new(0, null, new("stop")));
        outbox.Add(quick, new(0, null, new("stop")));
        outbox.Publish();
        var late = new List<(int, int)>();
        await ReadAsync(slow, 0, late).WaitAsync(Patience);
        await reading.WaitAsync(Patience);
        Assert.Equal(seen, late);
    }

    private static Generation Create() => new(new([1], 1000, new()));

    private static async Task<GenerationEnd> ReadAsync(Generation generation, int reader, List<(int, int)> seen)
    {
        // As in a server: no context to go back to, so that a waiting reader goes on where it is woken up.
        await foreach (var e in generation.Events.ReadAllAsync().ConfigureAwait(false))
        {
            if (e.End is { } end) return end;
            seen.Add((reader, e.Token));
        }

        throw new InvalidOperationException("a generation ends with its end");
    }
}
