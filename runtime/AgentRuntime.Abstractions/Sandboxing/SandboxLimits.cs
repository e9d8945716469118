namespace AgentRuntime.Abstractions;

/// <summary>
/// The limits of one sandbox. All are mandatory: there is no unlimited value, and the defaults are what an agent gets
/// whose bundle says nothing. Immutable.
/// </summary>
public sealed record SandboxLimits
{
    /// <summary>The address space of wasm32: 4 GiB, of which an engine may give less.</summary>
    public static ByteCount MostMemory { get; } = ByteCount.FromMebibytes(4_096);

    /// <summary>Linear memory, all of it. Default 64 MiB; at most <see cref="MostMemory"/>.</summary>
    public ByteCount MaxMemory { get; init; } = ByteCount.FromMebibytes(64);

    /// <summary>Elements of all tables. Default 65,536.</summary>
    public int MaxTableElements { get; init; } = 65_536;

    /// <summary>Nested guest calls. Default 1,000 frames; the engine also bounds the bytes that they take.</summary>
    public int MaxCallDepth { get; init; } = 1_000;

    /// <summary>Time spent in guest code over the whole run, waiting excluded. Default 5 s.</summary>
    public TimeSpan MaxCpuTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Host calls over the whole run, log lines included. Default 10,000.</summary>
    public int MaxHostCalls { get; init; } = 10_000;

    /// <summary>Bytes that the guest may log over the whole run; what follows is dropped. Default 256 KiB.</summary>
    public ByteCount MaxLogBytes { get; init; } = new(256 << 10);

    /// <summary>Bytes of one string that crosses the boundary, in either direction. Default 4 MiB.</summary>
    public ByteCount MaxStringBytes { get; init; } = ByteCount.FromMebibytes(4);

    /// <summary>
    /// Deterministic instruction budget; null leaves it to <see cref="MaxCpuTime"/> alone. Default null.
    /// </summary>
    public long? Fuel { get; init; }
}
