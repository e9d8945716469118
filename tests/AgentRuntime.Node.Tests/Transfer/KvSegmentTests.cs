using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Tests.Determinism;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Tests.Transfer;

/// <summary>States that llama.cpp made, whole and damaged.</summary>
public sealed class KvSegmentTests
{
    private const int Tokens = 24;

    /// <summary>Bytes at the beginning that tell of the cells and the first layer.</summary>
    private const int Described = 330;

    [Theory]
    [InlineData(null)]
    [InlineData(NoiseKinds.GptOss)]
    public void A_state_is_what_it_says_and_a_part_of_it_is_not(string? kind)
    {
        using var engine = new Engine(kind);
        var state = engine.Export();
        Assert.True(KvSegment.IsStateOf(state, 0, Tokens));
        Assert.False(KvSegment.IsStateOf(state, 0, Tokens - 1));
        Assert.False(KvSegment.IsStateOf(state, 1, Tokens + 1));
        Assert.Equal(kind is not null, KvSegment.HasWindow(state));
        Assert.True(engine.Take(state));
        for (var length = 0; length < state.Length; length += 1 + (length / 50))
            Assert.False(engine.Take(state.AsSpan(0, length)));
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData(NoiseKinds.GptOss, 2)]
    [InlineData(NoiseKinds.Gemma2, 3)]
    public void A_damaged_state_is_refused_or_taken_and_ends_nothing(string? kind, int seed)
    {
        using var engine = new Engine(kind);
        var whole = engine.Export();
        var random = new Random(seed);
        // As often where the cells are described as anywhere; what lies between layers are numbers, which may be any.
        int Place() => random.Next(2) == 0 ? random.Next(Described) : random.Next(whole.Length);
        var (taken, refused) = (0, 0);
        for (var i = 0; i < 3000; i++)
        {
            var state = whole.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                state[Place()] = (byte)(random.Next(3) switch
                {
                    0 => random.Next(256), 1 => 0xff, _ => 0,
                });
            if (engine.Take(state)) taken++;
            else refused++;
        }

        Assert.True(refused > 500);
        Assert.True(taken > 100);
        Assert.True(engine.Take(whole));
    }

    /// <summary>A context that has computed some tokens, and its import as the transfer does it.</summary>
    private sealed class Engine : IDisposable
    {
        private readonly LoadedModel _model;
        private readonly LlamaContext _context;

        public Engine(string? kind)
        {
            DemoNode.LoadLibrary();
            var options = DemoNode.Options with { KvPoolTokens = 1024, BatchTokens = 64 };
            if (kind is not null) options = options with { ModelPath = NoiseKinds.Write(kind) };
            _model = LoadedModel.Load(options);
            _context = new(_model, options);
            for (var i = 0; i < Tokens; i++) _context.Add(3 + (i % 7), i, 0, output: false);
            Assert.Equal(0, _context.Decode());
        }

        public byte[] Export()
        {
            var state = _context.Export(0, 0, Tokens, KvBuffer.Rent);
            var bytes = state.Span.ToArray();
            state.Return();
            return bytes;
        }

        public bool Take(ReadOnlySpan<byte> state)
        {
            if (!KvSegment.IsStateOf(state, 0, Tokens) || !_context.Import(state, 1, 0, Tokens)) return false;
            _context.Truncate(1, 0);
            return true;
        }

        public void Dispose()
        {
            _context.Dispose();
            _model.Dispose();
        }
    }
}
