namespace AgentRuntime.Node.Engine;

/// <summary>Log probabilities from logits.</summary>
internal static class LogProbabilities
{
    /// <summary>
    /// The chosen token's log probability and the <paramref name="top"/> most likely tokens; without logits, as in a
    /// simulation, the chosen token is certain.
    /// </summary>
    public static TokenLogProbabilities Of(ReadOnlySpan<float> logits, int chosen, int top)
    {
        if (logits.IsEmpty) return new(0, top > 0 ? [(chosen, 0)] : []);
        var max = logits[TokenSampler.IndexOfMax(logits)];
        var sum = 0.0;
        foreach (var logit in logits) sum += Math.Exp(logit - max);
        var normalizer = max + (float)Math.Log(sum);

        var best = new PriorityQueue<int, float>(top + 1);
        for (var token = 0; top > 0 && token < logits.Length; token++)
        {
            if (best.Count < top) best.Enqueue(token, logits[token]);
            else if (best.TryPeek(out _, out var least)
                && logits[token] > least) best.EnqueueDequeue(token, logits[token]);
        }

        var alternatives = new (int, float)[best.Count];
        for (var i = alternatives.Length - 1; i >= 0; i--)
        {
            best.TryDequeue(out var token, out var logit);
            alternatives[i] = (token, logit - normalizer);
        }

        return new(logits[chosen] - normalizer, alternatives);
    }
}
