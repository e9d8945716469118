using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>What a bundle's YAML and JSON say, read but not yet compiled. Immutable.</summary>
internal sealed record BundleDefinition(
    string Name,
    QuotaLimits Quota,
    IReadOnlyList<ModelDefinition> Models,
    IReadOnlyList<ServerDefinition> Servers,
    IReadOnlyList<ToolPin> Tools,
    IReadOnlyList<AgentDefinition> Agents)
{
    /// <summary>The service classes that work may be given.</summary>
    public IReadOnlyList<SloTarget> SloClasses { get; init; } = SloReader.Usual;

    /// <summary>The first priority that a class may have.</summary>
    public int FirstPriority { get; init; }

    /// <summary>The class of clients' direct requests; null for the platform's own.</summary>
    public SloTarget? ClientSlo { get; init; }

    /// <summary>The hosts that tool servers may be at; null when the bundle does not say.</summary>
    public EgressRules? Egress { get; init; }

    /// <summary>What is done when too much is denied or fails.</summary>
    public IReadOnlyList<ThreatRule> Threats { get; init; } = [];

    /// <summary>The buckets that there are.</summary>
    public IReadOnlyList<MemoryDefinition> Memory { get; init; } = [];

    /// <summary>Whoever sends calls sends them as decisions say.</summary>
    public bool HonoursObligations { get; init; }

    // The tools are those that it was made with: no copy has others.
    private readonly Dictionary<string, ToolPin> _tools = Tools.ToDictionary(t => t.Name, StringComparer.Ordinal);

    public ModelDefinition? FindModel(string name) => Models.FirstOrDefault(m => m.Name == name);

    public MemoryDefinition? FindMemory(string name) => Memory.FirstOrDefault(m => m.Name == name);

    public ToolPin? FindTool(string qualifiedName) => _tools.GetValueOrDefault(qualifiedName);
}

/// <summary>A model that may be used.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DirectForAll">Clients of every project may ask it directly.</param>
/// <param name="DirectProjects">Those whose clients may, when not all.</param>
/// <param name="Position">Where it is named.</param>
internal sealed record ModelDefinition(
    string Name, bool DirectForAll, IReadOnlyList<string> DirectProjects, BundlePosition Position);

/// <summary>A tool server.</summary>
internal sealed record ServerDefinition(string Name, Uri Endpoint, TimeSpan Timeout, BundlePosition Position)
{
    /// <summary>The labels of what its tools answer.</summary>
    public DataLabels Results { get; init; } = DataLabels.Default;
}

/// <summary>A tool as the bundle pins it.</summary>
/// <param name="Descriptor">The name <c>server/tool</c>, the description and the schema, as they were approved.</param>
/// <param name="Server">The server's name.</param>
/// <param name="Arguments">What policies see of its arguments.</param>
/// <param name="Position">Where it is pinned.</param>
internal sealed record ToolPin(
    ToolDescriptor Descriptor, string Server, ObjectShape Arguments, BundlePosition Position)
{
    public string Name => Descriptor.Name;

    /// <summary>It changes nothing: the pin says <c>annotations.readOnlyHint: true</c>.</summary>
    public bool IsReadOnly { get; init; }
}

/// <summary>An agent and what it may do.</summary>
/// <param name="Name">The qualified name, <c>project/agent</c>.</param>
/// <param name="Description">What it is for.</param>
/// <param name="Policy">Its limits, budget and default model.</param>
/// <param name="Models">The models that it may ask; the default one is among them.</param>
/// <param name="Grants">What it may call.</param>
/// <param name="Position">Where it is described.</param>
internal sealed record AgentDefinition(
    string Name,
    string? Description,
    AgentPolicy Policy,
    IReadOnlyList<string> Models,
    IReadOnlyList<GrantDefinition> Grants,
    BundlePosition Position)
{
    /// <summary>The labels of what its runs are given.</summary>
    public DataLabels Input { get; init; } = DataLabels.Default;

    /// <summary>The memory that it may use.</summary>
    public IReadOnlyList<MemoryGrant> Memory { get; init; } = [];

    public string Project => Name[..Name.IndexOf('/', StringComparison.Ordinal)];
}
