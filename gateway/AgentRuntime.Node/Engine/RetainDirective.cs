namespace AgentRuntime.Node.Engine;

/// <summary>
/// A wish that a range of a request's tokens stay cached after it: the action <c>kv.retain</c> 1.x of vLLM's and
/// SGLang's KV hints (<c>vllm/v1/kv_hints</c>). It orders evictions and holds nothing fast. Immutable.
/// </summary>
/// <param name="Start">The range's first token, from the prompt's first.</param>
/// <param name="End">The token after its last; null for whatever the answer's last will be.</param>
/// <param name="Priority">1 to 100; what has less goes first. 0 claims nothing.</param>
/// <param name="Duration">How long from the request's end; null for the longest.</param>
internal sealed record RetainDirective(int Start, int? End, int Priority, TimeSpan? Duration)
{
    public const int MostPriority = 100;

    /// <summary>The longest that anything is claimed: a conversation that is not back by then is over.</summary>
    public static TimeSpan MostDuration => TimeSpan.FromHours(1);

    /// <summary>Whether the range is what the request generates, wherever that begins.</summary>
    public bool CoversOutput { get; init; }

    /// <summary>The strongest wish for tokens that end at <paramref name="end"/>; null for none.</summary>
    public static RetainDirective? For(
        IReadOnlyList<RetainDirective> directives, int start, int end, int promptTokens)
    {
        RetainDirective? found = null;
        foreach (var directive in directives)
        {
            var from = directive.CoversOutput ? promptTokens : directive.Start;
            if (end > from && start < (directive.End ?? int.MaxValue) && directive.Priority > (found?.Priority ?? 0))
                found = directive;
        }

        return found;
    }

    /// <summary>The claim that it makes at this moment.</summary>
    public RetainClaim ClaimFrom(TimeProvider time)
    {
        var duration = Duration is { } d && d < MostDuration ? d : MostDuration;
        return new(Priority, time.GetTimestamp() + (long)(duration.TotalSeconds * time.TimestampFrequency));
    }
}

/// <summary>A claim on a cached block. Immutable.</summary>
/// <param name="Priority">0 for none, to 100.</param>
/// <param name="Until">When it lapses, as a timestamp.</param>
internal readonly record struct RetainClaim(int Priority, long Until);
