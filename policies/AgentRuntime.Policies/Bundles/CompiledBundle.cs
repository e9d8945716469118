using System.Collections.Frozen;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>A bundle ready to decide. Immutable and thread-safe.</summary>
internal sealed class CompiledBundle
{
    public required BundleDigest Digest { get; init; }

    public required BundleDefinition Definition { get; init; }

    /// <summary>The schema that the tools give, in Cedar's syntax.</summary>
    public required string Schema { get; init; }

    /// <summary>What the YAML was compiled to.</summary>
    public required IReadOnlyList<GeneratedPolicy> Generated { get; init; }

    /// <summary>Generated and hand-written policies.</summary>
    public required CedarPolicySet Policies { get; init; }

    /// <summary>Agents, projects, clients that are named, tool servers, models, memory and the hierarchy of
    /// actions.</summary>
    public required CedarEntities Entities { get; init; }

    /// <summary>The bundle's own tests.</summary>
    public required IReadOnlyList<PolicyTestCase> Tests { get; init; }

    public required FrozenDictionary<string, AgentDefinition> Agents { get; init; }

    public required FrozenDictionary<string, ToolEntry> Tools { get; init; }

    public required FrozenDictionary<string, EntityUid> Models { get; init; }

    public required FrozenDictionary<string, MemoryEntry> Memory { get; init; }
}

/// <summary>A pinned tool with its Cedar names.</summary>
/// <param name="Pin">The pin.</param>
/// <param name="Action">The action of calling it.</param>
/// <param name="Server">The resource.</param>
/// <param name="Results">The labels of what it answers.</param>
internal sealed record ToolEntry(ToolPin Pin, EntityUid Action, EntityUid Server, DataLabels Results);
