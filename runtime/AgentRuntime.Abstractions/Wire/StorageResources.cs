namespace AgentRuntime.Abstractions;

/// <summary>What a tenant keeps and may keep, in the form that clients read. Sizes are bytes.</summary>
/// <param name="Agents">Agents.</param>
/// <param name="MaxAgents">Agents at most.</param>
/// <param name="Modules">The modules that it deployed.</param>
/// <param name="Memory">All buckets of its memory together.</param>
/// <param name="Buckets">Those buckets that have keys.</param>
/// <param name="Runs">Runs that have ended, with their events.</param>
/// <param name="EndedRuns">How many they are.</param>
/// <param name="MaxRunDays">How long they are kept at most.</param>
public sealed record StorageResource(
    int Agents,
    int MaxAgents,
    RoomResource Modules,
    RoomResource Memory,
    IReadOnlyList<BucketResource> Buckets,
    RoomResource Runs,
    long EndedRuns,
    double MaxRunDays)
{
    /// <summary>The wire form.</summary>
    public static StorageResource From(StorageUse use, StorageLimits limits)
    {
        ArgumentNullException.ThrowIfNull(use);
        ArgumentNullException.ThrowIfNull(limits);
        return new(
            use.Agents,
            limits.MaxAgents,
            new(use.Modules.Value, limits.MaxModules.Value),
            new(use.Memory.Value, limits.MaxMemory.Value),
            [.. use.Buckets.Select(b => new BucketResource(b.Name, b.Keys, b.Size.Value))],
            new(use.Runs.Value, limits.MaxRuns.Value),
            use.EndedRuns,
            limits.MaxRunAge.TotalDays);
    }
}

/// <summary>What is taken and what may be, in bytes.</summary>
/// <param name="Bytes">What is taken.</param>
/// <param name="MaxBytes">What may be.</param>
public sealed record RoomResource(long Bytes, long MaxBytes);

/// <summary>A bucket of memory.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Keys">Keys.</param>
/// <param name="Bytes">Keys and values together.</param>
public sealed record BucketResource(string Name, long Keys, long Bytes);
