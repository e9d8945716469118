namespace AgentRuntime.Abstractions;

/// <summary>What a bundle says of one agent. Immutable.</summary>
/// <param name="Name">The qualified name, <c>project/agent</c>.</param>
/// <param name="Limits">The limits of its sandbox.</param>
/// <param name="Budget">What one run may use.</param>
public sealed record AgentPolicy(string Name, SandboxLimits Limits, RunBudget Budget)
{
    /// <summary>The model that is asked when the guest names none; null when it must name one.</summary>
    public string? DefaultModel { get; init; }

    /// <summary>The most tokens of one answer when the guest does not say. Default 256.</summary>
    public int DefaultMaxOutputTokens { get; init; } = 256;

    /// <summary>The service class of its requests; null for the platform's own.</summary>
    public SloTarget? Slo { get; init; }

    /// <summary>The hosts that its tools may be at; null for those of the tenant.</summary>
    public EgressRules? Egress { get; init; }
}

/// <summary>What one run may use at most; never unlimited. Immutable.</summary>
public sealed record RunBudget
{
    /// <summary>Prompt and output tokens over the run. Default 100,000.</summary>
    public TokenCount MaxTokens { get; init; } = new(100_000);

    /// <summary>Money over the run. Default one dollar.</summary>
    public MicroUsd MaxCost { get; init; } = new(1_000_000);

    /// <summary>Wall-clock time from start to end. Default 5 minutes.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Bytes of input. Default 1 MiB; at most <see cref="WireBounds.RunInputBytes"/>.</summary>
    public ByteCount MaxInput { get; init; } = ByteCount.FromMebibytes(1);
}

/// <summary>What a bundle says of its tenant as a whole. Immutable.</summary>
/// <param name="Quota">The tenant's quota.</param>
/// <param name="ToolServers">The tool servers that its agents' grants refer to.</param>
/// <param name="Tools">
/// The tools of those servers with the schemas that were approved: pinned in the bundle, so that a server that
/// changes a tool behind the tenant's back is noticed (AR5007).
/// </param>
public sealed record TenantPolicy(
    QuotaLimits Quota, IReadOnlyList<ToolServer> ToolServers, IReadOnlyList<ToolDescriptor> Tools)
{
    /// <summary>The service class of clients' direct requests; null for the platform's own.</summary>
    public SloTarget? ClientSlo { get; init; }

    /// <summary>The modules that are tools: the store keeps them, though no agent may have them any more.</summary>
    public IReadOnlyCollection<ModuleDigest> ToolModules =>
        [.. ToolServers.Select(static s => s.Module).OfType<ModuleDigest>()];

    /// <summary>The buckets that its agents' grants refer to.</summary>
    public IReadOnlyList<MemoryBucket> Memory { get; init; } = [];
}
