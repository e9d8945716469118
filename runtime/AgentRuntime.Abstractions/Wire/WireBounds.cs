namespace AgentRuntime.Abstractions;

/// <summary>
/// The most that a client can send of each thing, so that what a bundle may grant, what the command line reads and what
/// the edge takes are the same. In UTF-8 and before JSON escapes it: the edge's own bounds leave room for that.
/// </summary>
public static class WireBounds
{
    /// <summary>Bytes of an agent's module: 16 MiB.</summary>
    public const int ModuleBytes = 16 << 20;

    /// <summary>Bytes of a run's input, the most that a bundle can grant: 2 MiB.</summary>
    public const int RunInputBytes = 2 << 20;

    /// <summary>Bytes of a policy bundle's files together: 4 MiB.</summary>
    public const int BundleBytes = 4 << 20;

    /// <summary>Bytes of one file of a policy bundle: 1 MiB.</summary>
    public const int BundleFileBytes = 1 << 20;

    /// <summary>Files of a policy bundle: 500.</summary>
    public const int BundleFiles = 500;
}
