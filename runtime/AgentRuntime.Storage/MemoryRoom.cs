using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>What a bucket holds, and whether a change of it has room. Immutable; the same for every database.</summary>
/// <param name="Keys">Keys.</param>
/// <param name="Bytes">Keys and values together.</param>
internal readonly record struct MemoryRoom(long Keys, long Bytes)
{
    /// <summary>What the bucket holds after a change.</summary>
    /// <param name="keyBytes">Bytes of the key.</param>
    /// <param name="oldBytes">Bytes of the value that it has; null for none.</param>
    /// <param name="newBytes">Bytes of the value that it gets; null when it is taken away.</param>
    public MemoryRoom With(int keyBytes, long? oldBytes, long? newBytes) => new(
        Keys - (oldBytes is null ? 0 : 1) + (newBytes is null ? 0 : 1),
        Bytes - (oldBytes is { } old ? old + keyBytes : 0) + (newBytes is { } next ? next + keyBytes : 0));

    /// <summary>
    /// Whether a bucket may go from this to that. One that is above limits that were lowered may still shrink.
    /// </summary>
    public bool Allows(MemoryRoom next, MemoryBucket limits) =>
        (next.Keys <= limits.MaxKeys || next.Keys <= Keys)
        && (next.Bytes <= limits.MaxBytes.Value || next.Bytes <= Bytes);
}
