using System.Collections.Concurrent;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// The same few combinations of policies decide over and over, so that each is kept as one array: an allowed request then
/// allocates nothing. Bounded; what does not fit is made anew. Thread-safe.
/// </summary>
internal sealed class ReasonLists(IReadOnlyList<CedarPolicy> policies)
{
    private const int MaximumKept = 16_384;

    private readonly Kept _root = new([]);
    private int _count;

    public CedarPolicy[] Of(ReadOnlySpan<int> ordinals)
    {
        var kept = _root;
        for (var i = 0; i < ordinals.Length; i++)
        {
            if (kept.Next.TryGetValue(ordinals[i], out var next))
            {
                kept = next;
                continue;
            }

            if (Volatile.Read(ref _count) >= MaximumKept) return Make(ordinals);
            Interlocked.Increment(ref _count);
            kept = kept.Next.GetOrAdd(ordinals[i], new Kept(Make(ordinals[..(i + 1)])));
        }

        return kept.Policies;
    }

    private CedarPolicy[] Make(ReadOnlySpan<int> ordinals)
    {
        var list = new CedarPolicy[ordinals.Length];
        for (var i = 0; i < list.Length; i++) list[i] = policies[ordinals[i]];
        return list;
    }

    private sealed class Kept(CedarPolicy[] policies)
    {
        private ConcurrentDictionary<int, Kept>? _next;

        public CedarPolicy[] Policies => policies;

        public ConcurrentDictionary<int, Kept> Next =>
            _next ?? Interlocked.CompareExchange(ref _next, new(concurrencyLevel: 1, capacity: 1), null) ?? _next;
    }
}
