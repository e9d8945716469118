namespace AgentRuntime.Abstractions;

/// <summary>
/// Keys and values of each tenant's buckets (after <c>wasi:keyvalue/store</c>). Keys are compared as bytes of UTF-8.
/// Thread-safe; a change is durable when its task completes, and the next read sees it. Failures are AR8002.
/// </summary>
public interface IMemoryStore
{
    /// <summary>A key's value; null when there is none.</summary>
    ValueTask<ReadOnlyMemory<byte>?> GetAsync(
        TenantId tenant, string bucket, string key, CancellationToken cancellationToken);

    /// <summary>Keys in order, after one when given, at most so many.</summary>
    ValueTask<IReadOnlyList<string>> ListKeysAsync(
        TenantId tenant, string bucket, string? after, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Makes a change, once: a run's change whose call is not later than that of its last one has been made already,
    /// and is left alone. Limits and change are one transaction.
    /// </summary>
    ValueTask<MemoryOutcome> ApplyAsync(MemoryChange change, CancellationToken cancellationToken);

    /// <summary>Takes all keys of a bucket away; false when there was none.</summary>
    ValueTask<bool> ClearAsync(TenantId tenant, string bucket, CancellationToken cancellationToken);
}

/// <summary>One change of a bucket. Immutable.</summary>
/// <param name="Tenant">Whose bucket it is.</param>
/// <param name="Run">The run that makes it.</param>
/// <param name="Call">The number of its host call: a run's changes come in their order.</param>
/// <param name="Bucket">The bucket with its limits.</param>
/// <param name="Key">The key.</param>
/// <param name="Value">The new value; null deletes the key.</param>
public sealed record MemoryChange(
    TenantId Tenant, RunId Run, int Call, MemoryBucket Bucket, string Key, ReadOnlyMemory<byte>? Value);

/// <summary>What became of a change.</summary>
public enum MemoryOutcome : byte
{
    /// <summary>It is made, now or by the same call before.</summary>
    Made = 1,

    /// <summary>The bucket has no room for it; nothing changed.</summary>
    Full = 2,

    /// <summary>The tenant's buckets together have no room for it; nothing changed.</summary>
    TenantFull = 3,
}
