namespace AgentRuntime.Sandboxes.Engine;

/// <summary>What an entry of a <see cref="ModuleCache{T}"/> takes. Immutable.</summary>
/// <param name="OwnBytes">For itself.</param>
/// <param name="Code">What it may share with other entries.</param>
/// <param name="CodeBytes">What that takes.</param>
internal readonly record struct CacheWeight(long OwnBytes, object Code, long CodeBytes);

/// <summary>
/// Adds up what entries take; code that several of them share counts once, so that a hundred scripts on one engine
/// weigh as much as the engine and the scripts. Not thread-safe.
/// </summary>
internal sealed class CacheBytes
{
    private readonly Dictionary<object, (int Users, long Bytes)> _codes = new(ReferenceEqualityComparer.Instance);

    public long Total { get; private set; }

    public void Add(CacheWeight weight)
    {
        var (users, bytes) = _codes.GetValueOrDefault(weight.Code);
        // Code that has become more since counts as what it is now.
        Total += weight.OwnBytes + weight.CodeBytes - bytes;
        _codes[weight.Code] = (users + 1, weight.CodeBytes);
    }

    public void Remove(CacheWeight weight)
    {
        var (users, bytes) = _codes[weight.Code];
        if (users > 1)
        {
            _codes[weight.Code] = (users - 1, bytes);
        }
        else
        {
            _codes.Remove(weight.Code);
            Total -= bytes;
        }
        Total -= weight.OwnBytes;
    }
}
