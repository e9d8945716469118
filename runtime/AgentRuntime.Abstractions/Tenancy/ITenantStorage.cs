namespace AgentRuntime.Abstractions;

/// <summary>
/// What tenants keep in the store as a whole: how much that is, and what of it is to go. Thread-safe. Failures are
/// AR8002.
/// </summary>
public interface ITenantStorage
{
    /// <summary>What the tenant keeps.</summary>
    ValueTask<StorageUse> UseAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>
    /// Takes away runs that have ended, oldest end first: of each tenant those that have no room, and those that ended
    /// before a time. A call takes a bounded number, so that other writers get their turns.
    /// </summary>
    /// <param name="room">What the ended runs of one tenant may take together.</param>
    /// <param name="endedBefore">Runs that ended before it go, though there is room; null for none.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>How many went; call again until it is 0.</returns>
    ValueTask<int> ForgetRunsAsync(
        ByteCount room, DateTimeOffset? endedBefore, CancellationToken cancellationToken);
}

/// <summary>What a tenant keeps in the store. Immutable.</summary>
/// <param name="Agents">Agents.</param>
/// <param name="Modules">Their modules, replaced versions that are still there included.</param>
/// <param name="Buckets">The buckets of its memory that have keys, by name.</param>
/// <param name="EndedRuns">Runs that have ended.</param>
/// <param name="Runs">What they take with their events, about.</param>
public sealed record StorageUse(
    int Agents, ByteCount Modules, IReadOnlyList<BucketUse> Buckets, long EndedRuns, ByteCount Runs)
{
    /// <summary>All buckets together.</summary>
    public ByteCount Memory => new(Buckets.Sum(static b => b.Size.Value));
}

/// <summary>What a bucket holds. Immutable.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Keys">Keys.</param>
/// <param name="Size">Keys and values together.</param>
public sealed record BucketUse(string Name, long Keys, ByteCount Size);
