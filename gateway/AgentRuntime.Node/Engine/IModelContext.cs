namespace AgentRuntime.Node.Engine;

/// <summary>What computes batches over a pool of KV cells. One thread at a time.</summary>
internal interface IModelContext : IKvCells, IDisposable
{
    /// <summary>Cells in the pool.</summary>
    int PoolTokens { get; }

    /// <summary>Sequence ids for requests and the cache.</summary>
    int UsableSequences { get; }

    /// <summary>
    /// Whether prefixes that nobody uses are worth moving out of the pool: it costs a pass to have them there, and
    /// their state can be put back.
    /// </summary>
    bool ArchivesPrefixes => false;

    /// <summary>
    /// Parts of batches whose attention was to be the same bits in any company (decision 0310) and was not.
    /// </summary>
    long AttentionFallbacks => 0;

    /// <summary>Computes what follows with this adapter; null for the model alone.</summary>
    void UseAdapter(string? name)
    {
    }

    void ClearBatch();

    /// <summary>Adds a token to the batch and returns its index there.</summary>
    int Add(int token, int position, int sequence, bool output);

    /// <summary>Computes the batch: 0 done, 1 no room in the pool, anything else a failure.</summary>
    int Decode();

    /// <summary>
    /// The logits at a batch index that asked for output, valid until the next decode; empty in a simulation.
    /// </summary>
    Span<float> Logits(int index);

    /// <summary>
    /// Puts exported state of [from, to) into a sequence, at the positions at and after <paramref name="keepFrom"/>.
    /// Needs (to - from) free cells. False when it is refused; nothing has changed then.
    /// </summary>
    bool Import(ReadOnlySpan<byte> state, int sequence, int keepFrom, int to);
}
