using AgentRuntime.TestKit;

namespace AgentRuntime.Gateway.Tests;

/// <summary>
/// What the router believes of an engine against what the engine holds, while batches are lost, come twice and out of
/// order with their replay, and the engine restarts: everything from one seed.
/// </summary>
public class KvFeedModelTests
{
    private const int BlockTokens = 16;
    private static readonly TimeSpan Doubted = TimeSpan.FromSeconds(120);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whatever_is_lost_or_restarted_the_router_ends_up_with_what_the_engine_holds(int seed)
    {
        await using var world = new World(seed, kept: int.MaxValue);
        for (var step = 0; step < 1_500; step++)
        {
            if (world.Step() && world.UpToDate)
                Assert.Equal(world.Held, world.Believed);
        }

        Assert.True(world.Lost > 50 && world.Restarts > 5 && world.Checks > 100, "too little happened");
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Without_enough_to_replay_nothing_is_believed_for_long_that_is_not_so(int seed)
    {
        await using var world = new World(seed, kept: 3);
        for (var step = 0; step < 600; step++)
            world.Step();

        world.Time.Advance(Doubted + Doubted);
        await Eventually.BecomesTrueAsync(() => world.Believed <= world.Held);

        Assert.True(world.Lost > 20, "too little was lost");
    }

    private sealed class World : IAsyncDisposable
    {
        private readonly Random _random;
        private readonly int _kept;
        private readonly RouteDesk _desk;
        private readonly Engine _engine;
        private readonly Dictionary<(int Prompt, int Block), ulong> _held = [];
        private readonly Queue<(ulong Sequence, KvEventBatch Batch)> _history = new();
        private ulong _sequence;
        private bool _mustArrive;

        public World(int seed, int kept)
        {
            _random = new(seed);
            _kept = kept;
            var options = new EngineRouterOptions
            {
                PromptKeys = new Dictionary<string, PromptKeys> { ["m"] = PromptKeys.Engine },
            };
            _desk = new RouteDesk(options, Time);
            _engine = new Engine(
                new EngineDescriptor("e", new Uri("http://127.0.0.1:1"), EngineKind.Vllm),
                new CircuitBreaker(5, TimeSpan.FromSeconds(5), Time));
            _engine.Observe(new EngineHealth(
                true, new Dictionary<string, EngineModel> { ["m"] = new EngineModel("m", 4096) }));
            _desk.Observe(_engine);
        }

        public ShiftedTime Time { get; } = new();

        public int Held => _held.Count;

        public int Believed => _desk.HeldBy(_engine);

        /// <summary>Whether the last batch has arrived.</summary>
        public bool UpToDate { get; private set; }

        public int Lost { get; private set; }

        public int Restarts { get; private set; }

        public int Checks { get; private set; }

        public ValueTask DisposeAsync() => _desk.DisposeAsync();

        /// <summary>One change of the engine; true when it was published.</summary>
        public bool Step()
        {
            if (_random.Next(100) == 0)
                Restart();
            var batch = new KvEventBatch(_random.Next(30) switch
            {
                0 => Clear(),
                < 10 => Evict(),
                _ => Store(),
            });
            if (_history.Count >= _kept)
                _history.Dequeue();
            _history.Enqueue((_sequence, batch));
            Deliver(_sequence++, batch);
            return true;
        }

        private void Deliver(ulong sequence, KvEventBatch batch)
        {
            UpToDate = _mustArrive || _random.Next(8) > 0;
            if (!UpToDate)
            {
                Lost++;
                return;
            }

            _mustArrive = false;
            Checks++;
            var outcome = _desk.TakeKv(_engine, sequence, batch, KvArrival.Live);
            if (outcome.Taken)
                return;

            // More than was asked for, as from a publisher that counts otherwise; what is known must not count twice.
            var from = outcome.Expected - Math.Min(outcome.Expected, (ulong)_random.Next(3));
            foreach (var (number, replayed) in _history.Where(h => h.Sequence >= from).ToArray())
                _desk.TakeKv(_engine, number, replayed, KvArrival.Replayed);
            if (!_desk.TakeKv(_engine, sequence, batch, KvArrival.Live).Taken)
                _desk.TakeKv(_engine, sequence, batch, KvArrival.AfterLoss);
        }

        /// <summary>A new process: seen by its broken connection, or by a sequence that starts over.</summary>
        private void Restart()
        {
            Restarts++;
            _held.Clear();
            _history.Clear();
            var lastly = _sequence;
            _sequence = 0;
            if (lastly < 2 || _random.Next(2) == 0)
                _desk.ForgetKv(_engine);
            else
                _mustArrive = true;
        }

        private KvEvent[] Clear()
        {
            _held.Clear();
            return [new KvBlocksCleared()];
        }

        private KvEvent[] Evict()
        {
            if (_held.Count == 0)
                return [];
            var victims = _held.Where(_ => _random.Next(6) == 0).ToArray();
            foreach (var (block, _) in victims)
                _held.Remove(block);
            return [new KvBlocksRemoved([.. victims.Select(v => v.Value)])];
        }

        /// <summary>
        /// Reads some of a prompt: what is missing of its beginning is computed and announced, run by run.
        /// </summary>
        private KvEvent[] Store()
        {
            var prompt = _random.Next(12);
            var events = new List<KvEvent>();
            var run = new List<int>();
            var length = _random.Next(1, 12);
            for (var block = 0; block <= length; block++)
            {
                if (block < length && !_held.ContainsKey((prompt, block)))
                {
                    run.Add(block);
                    continue;
                }

                if (run.Count > 0)
                    events.Add(Announce(prompt, run));
                run.Clear();
            }

            return [.. events];
        }

        private KvBlocksStored Announce(int prompt, List<int> blocks)
        {
            var parent = blocks[0] == 0 ? (ulong?)null : _held[(prompt, blocks[0] - 1)];
            foreach (var block in blocks)
                _held[(prompt, block)] = (ulong)_random.NextInt64(1, long.MaxValue);
            return new(
                [.. blocks.Select(b => _held[(prompt, b)])],
                parent,
                [.. blocks.SelectMany(b => Enumerable.Range((prompt * 1000) + (b * 20), BlockTokens))],
                BlockTokens,
                Lora: null,
                Salt: parent is null ? "salt" : null,
                Foreign: 0);
        }
    }
}
