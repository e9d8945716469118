using System.Buffers.Binary;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Tests.Transfer;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Tests.Engine;

/// <summary>A real engine whose cells hold what is no number, as a fault of memory or a device leaves them.</summary>
public sealed class SpoiledPrefixTests
{
    private const int Tokens = 100;
    private const int Answer = 12;

    /// <summary>What two conversations begin with: three blocks.</summary>
    private const int Shared = 48;

    /// <summary>
    /// More heads share their keys than this program's attention takes: llama.cpp computes it, to which a NaN is one.
    /// </summary>
    private static readonly Lazy<string> Model = new(() => DemoNode.Write("many-heads.gguf", new()
    {
        Embedding = 520, Heads = 65, KvHeads = 1, Layers = 2,
    }));

    private static readonly int[] Prompt = [.. Enumerable.Range(0, Tokens).Select(i => 3 + (i % 11))];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_request_on_a_spoiled_prefix_fails_and_the_next_computes_it_anew()
    {
        DemoNode.LoadLibrary();
        using var model = LoadedModel.Load(Options);
        var (expected, state) = await WholeAsync(model);
        using var events = new Events();
        using var engine = new EngineLoop(model, Options, TimeProvider.System, events);

        var (_, failed) = await ReadAsync(engine.Submit(Request() with { Import = Spoiled(state) }));
        Assert.Equal(ReasonCodes.EngineFailed, failed.Error!.Code);
        Assert.Contains("not a number", failed.Error.Message, StringComparison.Ordinal);
        var (tokens, end) = await ReadAsync(engine.Submit(Request()));

        Assert.Equal("length", end.FinishReason);
        Assert.Equal(expected, tokens);
        // Whoever listens heard that the first are gone before they came anew.
        Assert.Equal(Tokens / Options.BlockTokens, events.Removed);
        Assert.Equal(0, events.Twice);
    }

    [Fact]
    public async Task Others_that_stand_on_it_start_over()
    {
        DemoNode.LoadLibrary();
        using var model = LoadedModel.Load(Options);
        var (expected, state) = await WholeAsync(model);
        using var events = new Events();
        using var engine = new EngineLoop(model, Options, TimeProvider.System, events);

        // All three meet in one pass: the first is failed in it, after which the others have nothing to stand on.
        events.Hold();
        var before = engine.Submit(new([3, 4, 5], 1, new()));
        await events.Held.WaitAsync(Patience);
        var spoiled = engine.Submit(Request() with { Import = Spoiled(state) });
        var others = new[] { engine.Submit(Request()), engine.Submit(Request()) };
        events.Release();

        Assert.NotNull((await ReadAsync(before)).End.FinishReason);
        Assert.Equal(ReasonCodes.EngineFailed, (await ReadAsync(spoiled)).End.Error?.Code);
        foreach (var other in others)
        {
            var (tokens, end) = await ReadAsync(other);
            Assert.Equal("length", end.FinishReason);
            Assert.Equal(expected, tokens);
        }

        Assert.Equal(2, engine.Counters.Preemptions);
        Assert.Equal(0, events.Twice);
    }

    [Fact]
    public async Task Conversations_that_only_begin_alike_stay_warm()
    {
        DemoNode.LoadLibrary();
        using var model = LoadedModel.Load(Options);
        int[] another = [.. Prompt[..Shared], .. Prompt[Shared..].Select(token => token + 1)];
        var (expected, state) = await WholeAsync(model, another);
        using var events = new Events();
        using var engine = new EngineLoop(model, Options, TimeProvider.System, events);
        var first = engine.Submit(Request());
        var (answer, _) = await ReadAsync(first);

        // What is no number lies behind what both begin with.
        var spoiled = engine.Submit(Request(another) with { Import = Spoiled(state, Shared + 1) });
        Assert.Equal(ReasonCodes.EngineFailed, (await ReadAsync(spoiled)).End.Error?.Code);
        Assert.Equal(Tokens - 1 - Shared, spoiled.ImportedTokens);
        Assert.Equal((Tokens / Options.BlockTokens) - (Shared / Options.BlockTokens), events.Removed);

        int[] next = [.. Prompt, .. answer, 7];
        var follows = engine.Submit(Request(next));
        Assert.Equal("length", (await ReadAsync(follows)).End.FinishReason);
        Assert.Equal(Tokens / Options.BlockTokens * Options.BlockTokens, follows.CachedTokens);
        var again = engine.Submit(Request(another));
        Assert.Equal(expected, (await ReadAsync(again)).Tokens);
        Assert.Equal(Shared, again.CachedTokens);
        Assert.Equal(0, events.Twice);
    }

    [Fact]
    public void Cells_that_hold_what_is_no_number_are_found_in_the_pool()
    {
        DemoNode.LoadLibrary();
        using var model = LoadedModel.Load(Options);
        using var context = new LlamaContext(model, Options);
        for (var i = 0; i < 32; i++) context.Add(Prompt[i], i, 0, output: false);
        Assert.Equal(0, context.Decode());
        Assert.True(context.HoldNumbers(0, 0, 32));
        var state = context.Export(0, 0, 32, length => KvBuffer.Of(new byte[length])).Span.ToArray();
        Spoil(state, 0, 32, position: 17);
        context.Truncate(0, 0);
        Assert.True(context.Import(state, 0, 0, 32));

        Assert.False(context.HoldNumbers(0, 0, 32));
        Assert.True(context.HoldNumbers(0, 0, 16));
        Assert.False(context.HoldNumbers(0, 16, 32));
    }

    private static NodeOptions Options => DemoNode.Options with { ModelPath = Model.Value };

    private static GenerationRequest Request(int[]? prompt = null) =>
        new(prompt ?? Prompt, Answer, new() { Temperature = 0 }) { IgnoreEnd = true };

    /// <summary>A prompt's answer and its state, all but the last token's.</summary>
    private static async Task<(int[] Answer, byte[] State)> WholeAsync(LoadedModel model, int[]? prompt = null)
    {
        var budget = new KvBudget(long.MaxValue);
        var export = new KvExport(Tokens, Tokens, budget);
        using var engine = new EngineLoop(model, Options, TimeProvider.System);
        var (tokens, _) = await ReadAsync(engine.Submit(Request(prompt) with { Export = export }));
        var state = Assert.Single(export.Segments).State.ToArray();
        export.Release();
        return (tokens, state);
    }

    /// <summary>The state with a key that is no number; the transfer would refuse it.</summary>
    private static KvImport Spoiled(byte[] state, int position = 0)
    {
        var spoiled = state.ToArray();
        Spoil(spoiled, 0, Tokens - 1, position);
        return new([KvSegment.Of(0, Tokens - 1, KvBuffer.Of(spoiled))], TimeSpan.Zero);
    }

    private static void Spoil(Span<byte> state, int from, int to, int position)
    {
        // Behind the cells: how values lie, the number of layers, the first one's type and what a cell takes.
        var layer = KvSegment.Empty(from, to).Length + 4 + 4;
        var cellBytes = (int)BinaryPrimitives.ReadUInt64LittleEndian(state[(layer + 4)..]);
        var cell = Array.IndexOf(KvSegment.Positions(state), position);
        var key = state[(layer + 4 + 8 + (cell * cellBytes))..];
        // In 16 bits and in 32.
        FaultyPeer.NoNumber.CopyTo(key);
        FaultyPeer.NoNumber.CopyTo(key[2..]);
        Assert.False(KvSegment.HasNumbers(state));
    }

    private static async Task<(int[] Tokens, GenerationEnd End)> ReadAsync(Generation generation)
    {
        using var deadline = new CancellationTokenSource(Patience);
        var tokens = new List<int>();
        await foreach (var e in generation.Events.ReadAllAsync(deadline.Token))
        {
            if (e.End is { } end) return ([.. tokens], end);
            tokens.Add(e.Token);
        }

        throw new InvalidOperationException("it has no end");
    }

    /// <summary>Counts what goes, and keeps the engine at the end of a step on demand.</summary>
    private sealed class Events : IPrefixCacheObserver, IDisposable
    {
        private readonly HashSet<BlockHash> _known = [];
        private readonly ManualResetEventSlim _go = new(initialState: true);
        private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Removed { get; private set; }

        /// <summary>Blocks that were said to be there when they were, or gone when they were not.</summary>
        public int Twice { get; private set; }

        public Task Held => _held.Task;

        public void Hold() => _go.Reset();

        public void Release() => _go.Set();

        public void Stored(in StoredBlock block)
        {
            if (!_known.Add(block.Hash)) Twice++;
        }

        void IPrefixCacheObserver.Removed(BlockHash hash)
        {
            Removed++;
            if (!_known.Remove(hash)) Twice++;
        }

        public void Cleared()
        {
        }

        public void Flush()
        {
            if (_go.IsSet) return;
            _held.TrySetResult();
            _go.Wait(Patience);
        }

        public void Dispose() => _go.Dispose();
    }
}
