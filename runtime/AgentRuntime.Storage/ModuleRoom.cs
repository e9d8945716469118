using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>Which modules of a tenant go so that one more has room. Stateless; the same for every database.</summary>
internal static class ModuleRoom
{
    /// <summary>What the smallest counts as: a row takes space too.</summary>
    public const int LeastBytes = 4 << 10;

    /// <summary>What a module counts as.</summary>
    public static long Of(ReadOnlyMemory<byte> wasm) => Math.Max(LeastBytes, wasm.Length);

    /// <param name="taken">What the tenant's modules take, the new one included.</param>
    /// <param name="limits">What they may take.</param>
    /// <param name="replaced">Those that no agent and no run under way needs, oldest first, with their sizes.</param>
    /// <param name="pinned">Those that stay all the same.</param>
    /// <exception cref="RuntimeErrorException">AR6007: there is no room, whatever went.</exception>
    public static IReadOnlyList<string> ToForget(
        long taken,
        StorageLimits limits,
        IReadOnlyList<(string Digest, long Bytes)> replaced,
        IReadOnlyCollection<ModuleDigest> pinned)
    {
        var stay = pinned.Select(static p => p.ToString()).ToHashSet();
        var forgotten = new List<string>();
        foreach (var (digest, bytes) in replaced)
        {
            if (taken <= limits.MaxModules.Value)
                break;
            if (stay.Contains(digest))
                continue;
            forgotten.Add(digest);
            taken -= bytes;
        }

        return taken <= limits.MaxModules.Value ? forgotten : throw new RuntimeErrorException(new RuntimeError(
            ReasonCodes.StorageQuota,
            $"The tenant's agents have no room for this module: their modules may take {limits.MaxModules} together.",
            "storage.modules",
            "Delete agents that nobody needs; GET /v1/storage (agentctl storage) tells what is kept."));
    }

    /// <param name="agents">How many agents the tenant has, the one that was deployed included.</param>
    /// <param name="version">The version of that one: where it is not the first, there are no more than before.</param>
    /// <param name="limits">How many there may be.</param>
    /// <exception cref="RuntimeErrorException">AR6007: the tenant has more agents than it may.</exception>
    public static void ThrowIfTooMany(long agents, int version, StorageLimits limits)
    {
        if (version == 1 && agents > limits.MaxAgents)
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.StorageQuota,
                $"The tenant has {limits.MaxAgents} agents, as many as it may.",
                "storage.agents",
                "Delete agents that nobody needs."));
    }
}
