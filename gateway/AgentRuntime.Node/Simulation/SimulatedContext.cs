using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Simulation;

/// <summary>
/// A context whose passes take the time that the options say and compute nothing. The engine's thread waits in
/// <see cref="Decode"/>, as it does for llama.cpp. One thread at a time.
/// </summary>
internal sealed class SimulatedContext : IModelContext
{
    /// <summary>A pass that is due sooner is not waited for: the next one waits for both.</summary>
    private static readonly TimeSpan Finest = TimeSpan.FromMilliseconds(1);

    /// <summary>An engine that was idle for longer starts anew instead of catching up.</summary>
    private static readonly TimeSpan MostLag = TimeSpan.FromMilliseconds(20);

    private readonly SimulationOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ManualResetEventSlim _never = new();
    private readonly long _startedAt;
    private TimeSpan _due;
    private int _tokens;
    private int _writing;
    private int _lastSequence = -1;
    private int _lastCount;
    private int _index;

    public SimulatedContext(SimulationOptions options, NodeOptions node, TimeProvider time)
    {
        _options = options;
        _time = time;
        _random = new(options.Seed);
        _startedAt = time.GetTimestamp();
        PoolTokens = node.PoolTokens;
        // Every block may have a finished sequence of its own as its holder.
        UsableSequences = (node.PoolTokens / node.BlockTokens) + node.ParallelSequences + 1;
    }

    public int PoolTokens { get; }

    public int UsableSequences { get; }

    public void ClearBatch()
    {
        _tokens = _writing = _lastCount = _index = 0;
        _lastSequence = -1;
    }

    public int Add(int token, int position, int sequence, bool output)
    {
        if (sequence != _lastSequence)
        {
            _lastSequence = sequence;
            _lastCount = 0;
        }

        _tokens++;
        // One token that asks for output is an answer's next; more than one is a prompt.
        if (++_lastCount == 1 && output) _writing++;
        return _index++;
    }

    public int Decode()
    {
        var pass = _options.PassTime(_tokens - _writing, _writing)
            * (1 + (_options.Jitter * ((2 * _random.NextDouble()) - 1))) / _options.Speed;
        var now = _time.GetElapsedTime(_startedAt);
        _due = (now - _due > MostLag ? now : _due) + pass;
        // Nothing sets the event: waiting for it is waiting for the time.
        if (_due - now >= Finest) _never.Wait(_due - now);
        return 0;
    }

    public Span<float> Logits(int index) => [];

    /// <summary>
    /// The head of a state of these positions, as <see cref="KvSegment"/> checks it, without keys and values.
    /// </summary>
    public KvBuffer Export(int sequence, int from, int to, Func<int, KvBuffer> allocate) =>
        KvBuffer.Of(KvSegment.Empty(from, to));

    public bool Import(ReadOnlySpan<byte> state, int sequence, int keepFrom, int to) => true;

    public void Share(int source, int target, int from, int to)
    {
        // The cache counts the cells; there is nothing in them.
    }

    public void Truncate(int sequence, int from)
    {
        // As above.
    }

    public void Remove(int sequence, int from, int to)
    {
        // As above.
    }

    public void Dispose() => _never.Dispose();
}
