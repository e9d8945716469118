using System.Collections.Concurrent;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// The same few combinations of policies decide over and over, so that each is kept as one array: an allowed request
/// then allocates nothing. Bounded; what does not fit is made anew. Thread-safe.
/// </summary>
internal sealed class ReasonLists(IReadOnlyList<CedarPolicy> policies)
{
    private const int MaximumKept = 16_384;

    private readonly CedarPolicy[]?[] _single = new CedarPolicy[]?[policies.Count];
    private readonly ConcurrentDictionary<int, Kept> _several = new();
    private int _count;

    public CedarPolicy[] Of(ReadOnlySpan<int> ordinals)
    {
        if (ordinals.Length == 1) return _single[ordinals[0]] ??= Make(ordinals);
        var hash = new HashCode();
        foreach (var ordinal in ordinals) hash.Add(ordinal);
        var key = hash.ToHashCode();
        if (_several.TryGetValue(key, out var kept))
            return ordinals.SequenceEqual(kept.Ordinals) ? kept.Policies : Make(ordinals);
        var made = Make(ordinals);
        if (Volatile.Read(ref _count) >= MaximumKept) return made;
        Interlocked.Increment(ref _count);
        _several.TryAdd(key, new(ordinals.ToArray(), made));
        return made;
    }

    private CedarPolicy[] Make(ReadOnlySpan<int> ordinals)
    {
        var list = new CedarPolicy[ordinals.Length];
        for (var i = 0; i < list.Length; i++) list[i] = policies[ordinals[i]];
        return list;
    }

    private sealed record Kept(int[] Ordinals, CedarPolicy[] Policies);
}
