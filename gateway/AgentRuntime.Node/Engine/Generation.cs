using System.Threading.Channels;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Engine;

/// <summary>What to generate. Immutable, except that the engine fills <see cref="Export"/>.</summary>
internal sealed record GenerationRequest(int[] Prompt, int MaxTokens, SamplingOptions Sampling)
{
    /// <summary>Isolates reuse: only requests with the same salt share KV blocks.</summary>
    public string? Salt { get; init; }

    /// <summary>The LoRA adapter to compute with; null for none.</summary>
    public string? Adapter { get; init; }

    /// <summary>What of it is to stay cached afterwards; empty for no wish.</summary>
    public IReadOnlyList<RetainDirective> Retain { get; init; } = [];

    /// <summary>Go on past end-of-generation tokens.</summary>
    public bool IgnoreEnd { get; init; }

    /// <summary>Where to put the prompt's KV state for another node; null for not.</summary>
    public KvExport? Export { get; init; }

    /// <summary>KV state from another node; null for none.</summary>
    public KvImport? Import { get; init; }
}

/// <summary>What a generation reports: tokens, and one end. Immutable.</summary>
internal readonly record struct GenerationEvent(
    int Token, TokenLogProbabilities? LogProbabilities = null, GenerationEnd? End = null);

/// <summary>How a generation ended.</summary>
/// <param name="FinishReason">OpenAI's reason; null when it failed.</param>
/// <param name="Error">Why it failed; null when it did not.</param>
internal sealed record GenerationEnd(string? FinishReason, RuntimeError? Error = null)
{
    /// <summary>The control token that ended it; null when something else did.</summary>
    public int? Token { get; init; }
}

/// <summary>A token's log probability and its alternatives, from the unmodified logits (vLLM's default).</summary>
internal sealed record TokenLogProbabilities(float Chosen, IReadOnlyList<(int Token, float LogProbability)> Top);

/// <summary>
/// A generation under way: the engine writes, one consumer reads. A consumer that waits goes on inside
/// <see cref="Write"/>, on the engine's thread, so it must not block; it hears of the end on a thread of the pool.
/// Cancelling is thread-safe and frees the generation's cells at the engine's next step.
/// </summary>
internal sealed class Generation(GenerationRequest request)
{
    // Bounded by the request's own MaxTokens, so that a slow reader never stalls the other sequences. A wake-up of
    // another thread for each token costs more than what the reader does with it.
    private readonly Channel<GenerationEvent> _events = Channel.CreateUnbounded<GenerationEvent>(
        new() { SingleReader = true, SingleWriter = true, AllowSynchronousContinuations = true });

    private volatile bool _cancelled;
    private volatile bool _whole;
    private volatile int _cachedTokens;

    public GenerationRequest Request { get; } = request;

    public ChannelReader<GenerationEvent> Events => _events.Reader;

    public bool IsCancelled => _cancelled;

    /// <summary>Whether its reader has the whole answer, rather than no more interest in it.</summary>
    public bool IsWhole => _whole;

    /// <summary>Prompt tokens that did not have to be computed here; known with the first event.</summary>
    public int CachedTokens
    {
        get => _cachedTokens;
        set => _cachedTokens = value;
    }

    /// <summary>Prompt tokens whose state came from another node; known with the first event.</summary>
    public int ImportedTokens { get; set; }

    /// <summary>Asks the engine to stop; the engine frees everything at its next step.</summary>
    public void Cancel() => _cancelled = true;

    /// <summary>As <see cref="Cancel"/>, because what the reader looked for has ended the answer.</summary>
    public void Stop()
    {
        _whole = true;
        Cancel();
    }

    public void Write(in GenerationEvent e) => _events.Writer.TryWrite(e);

    /// <summary>
    /// Ends it, after what was written. What follows an answer is not the engine's thread's business.
    /// </summary>
    public void Complete(GenerationEnd end) => ThreadPool.UnsafeQueueUserWorkItem(
        static state =>
        {
            state.Events.TryWrite(new(0, null, state.End));
            state.Events.TryComplete();
        },
        (Events: _events.Writer, End: end), preferLocal: false);
}
