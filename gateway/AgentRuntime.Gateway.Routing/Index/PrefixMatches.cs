using System.Numerics;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// How many leading blocks of one prompt each engine holds. Reused from request to request; not thread-safe.
/// </summary>
public sealed class PrefixMatches
{
    private int[] _blocks = [];
    private int[] _touched = [];

    /// <summary>Engines that hold at least block 0.</summary>
    public int EngineCount { get; private set; }

    /// <summary>The longest match of any engine, in blocks.</summary>
    public int Longest { get; private set; }

    /// <summary>Blocks that the engine holds from the start, without a hole.</summary>
    public int this[int engine] => (uint)engine < (uint)_blocks.Length ? _blocks[engine] : 0;

    /// <summary>The engines that hold at least block 0, in no particular order.</summary>
    public ReadOnlySpan<int> Engines => _touched.AsSpan(0, EngineCount);

    /// <summary>By engine, the blocks that it holds from the start.</summary>
    internal ReadOnlySpan<int> Held(int engines) => _blocks.AsSpan(0, engines);

    internal void Reset(int engines)
    {
        if (EngineCount * 4 > _blocks.Length)
        {
            Array.Clear(_blocks);
        }
        else
        {
            foreach (var engine in Engines)
                _blocks[engine] = 0;
        }

        EngineCount = 0;
        Longest = 0;
        if (_blocks.Length < engines)
        {
            Array.Resize(ref _blocks, engines);
            Array.Resize(ref _touched, engines);
        }
    }

    internal void Record(int engine, int blocks)
    {
        if (engine < 0 || blocks == 0)
            return;
        Longest = Math.Max(Longest, blocks);
        EngineCount = Record(engine, blocks, EngineCount);
    }

    /// <summary>The engines behind 64 slots of which <paramref name="slots"/> has a bit, as many of them.</summary>
    internal void Record(ReadOnlySpan<int> engines, ulong slots, int blocks)
    {
        if (slots == 0 || blocks == 0)
            return;
        Longest = Math.Max(Longest, blocks);
        var count = EngineCount;
        for (; slots != 0; slots &= slots - 1)
        {
            var engine = engines[BitOperations.TrailingZeroCount(slots)];
            if (engine >= 0)
                count = Record(engine, blocks, count);
        }

        EngineCount = count;
    }

    private int Record(int engine, int blocks, int count)
    {
        ref var held = ref _blocks[engine];
        if (held == 0)
            _touched[count++] = engine;
        held = Math.Max(held, blocks);
        return count;
    }
}
