namespace AgentRuntime.Node.Engine;

/// <summary>What the engine has done and does; written by the engine's thread, read by any.</summary>
internal sealed class EngineCounters
{
    private long _promptTokens;
    private long _generatedTokens;
    private long _prefixQueries;
    private long _prefixHits;
    private long _preemptions;
    private long _attentionFallbacks;
    private int _running;
    private int _waiting;
    private int _usedCells;

    public long PromptTokens => Volatile.Read(ref _promptTokens);

    public long GeneratedTokens => Volatile.Read(ref _generatedTokens);

    /// <summary>Prompt tokens looked up in the prefix cache.</summary>
    public long PrefixQueries => Volatile.Read(ref _prefixQueries);

    /// <summary>Prompt tokens found there.</summary>
    public long PrefixHits => Volatile.Read(ref _prefixHits);

    public long Preemptions => Volatile.Read(ref _preemptions);

    /// <summary>As <see cref="IModelContext.AttentionFallbacks"/>.</summary>
    public long AttentionFallbacks => Volatile.Read(ref _attentionFallbacks);

    public int Running => Volatile.Read(ref _running);

    public int Waiting => Volatile.Read(ref _waiting);

    public int UsedCells => Volatile.Read(ref _usedCells);

    /// <summary>Adapters of running requests, with commas between.</summary>
    public string RunningAdapters { get; private set; } = "";

    /// <summary>Adapters of waiting requests, with commas between.</summary>
    public string WaitingAdapters { get; private set; } = "";

    public void CountPrompt(int tokens, int hits)
    {
        Volatile.Write(ref _prefixQueries, _prefixQueries + tokens);
        Volatile.Write(ref _prefixHits, _prefixHits + hits);
        Volatile.Write(ref _promptTokens, _promptTokens + tokens);
    }

    public void CountGenerated() => Volatile.Write(ref _generatedTokens, _generatedTokens + 1);

    public void CountPreemption() => Volatile.Write(ref _preemptions, _preemptions + 1);

    public void ShowAttentionFallbacks(long count) => Volatile.Write(ref _attentionFallbacks, count);

    public void ShowAdapters(string running, string waiting)
    {
        RunningAdapters = running;
        WaitingAdapters = waiting;
    }

    public void Show(int running, int waiting, int usedCells)
    {
        Volatile.Write(ref _running, running);
        Volatile.Write(ref _waiting, waiting);
        Volatile.Write(ref _usedCells, usedCells);
    }
}
