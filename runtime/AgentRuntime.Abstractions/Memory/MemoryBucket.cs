namespace AgentRuntime.Abstractions;

/// <summary>
/// A bucket of the tenant's memory as its bundle describes it: what agents keep from one run to the next. Agents that
/// are granted the same bucket share it. Immutable.
/// </summary>
/// <param name="Name">A label, unique in the bundle.</param>
public sealed record MemoryBucket(string Name)
{
    /// <summary>Longest key, in bytes of UTF-8. The shortest has one.</summary>
    public const int MaxKeyBytes = 256;

    /// <summary>Keys and values together. Default 1 MiB.</summary>
    public ByteCount MaxBytes { get; init; } = ByteCount.FromMebibytes(1);

    /// <summary>Keys. Default 1,000.</summary>
    public int MaxKeys { get; init; } = 1_000;

    /// <summary>One value. Default 64 KiB.</summary>
    public ByteCount MaxValueBytes { get; init; } = new(64 << 10);
}
