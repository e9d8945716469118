using System.Runtime.InteropServices;
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
    [InlineData(null)]
    [InlineData(NoiseKinds.GptOss)]
    [InlineData(NoiseKinds.Gemma2)]
    [InlineData(NoiseKinds.Deci)]
    public void Whatever_is_no_number_is_found_in_every_layer(string? kind)
    {
        using var engine = new Engine(kind);
        var whole = engine.Export();
        Assert.True(KvSegment.HasNumbers(whole));
        for (var length = KvSegment.Empty(0, Tokens).Length + 1; length < whole.Length; length += 1 + (length / 50))
            Assert.False(KvSegment.HasNumbers(whole.AsSpan(0, length)));
        // One spoiled number in each run of the state: what describes a layer is much shorter.
        var found = 0;
        const int Runs = 64;
        for (var i = 1; i <= Runs; i++)
        {
            var state = whole.ToArray();
            var at = Described + ((whole.Length - Described) / Runs * i) - 8;
            state.AsSpan(at, 8).Fill(0xFF);
            if (engine.Take(state) && !KvSegment.HasNumbers(state)) found++;
        }

        Assert.True(found > Runs * 3 / 4, $"found {found} of {Runs}");
    }

    [Fact]
    public void Numbers_are_told_from_what_is_none_as_the_runtime_does()
    {
        var random = new Random(11);
        for (var i = 0; i < 2000; i++)
        {
            // Mostly ordinary numbers, so that lists of them are often finite.
            var floats = Enumerable.Range(0, random.Next(70)).Select(_ => random.Next(150) == 0
                ? BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32) | 0x7F80_0000)
                : random.NextSingle() * random.Next(60_000)).ToArray();
            Half[] halves = [.. floats.Select(f => float.IsFinite(f) ? (Half)f : (Half)float.NegativeInfinity)];
            ushort[] brain = [.. floats.Select(f => (ushort)(BitConverter.SingleToUInt32Bits(f) >> 16))];
            var finite = floats.All(float.IsFinite);
            Assert.Equal(finite, KvNumbers.AreFinite(0, MemoryMarshal.AsBytes(floats.AsSpan())));
            Assert.Equal(finite, KvNumbers.AreFinite(1, MemoryMarshal.AsBytes(halves.AsSpan())));
            Assert.Equal(finite, KvNumbers.AreFinite(30, MemoryMarshal.AsBytes(brain.AsSpan())));
        }
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
