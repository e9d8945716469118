using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>A bucket as the bundle describes it. Immutable.</summary>
/// <param name="Bucket">Its name and limits.</param>
/// <param name="Position">Where it is named.</param>
internal sealed record MemoryDefinition(MemoryBucket Bucket, BundlePosition Position)
{
    /// <summary>The labels of what is read from it.</summary>
    public DataLabels Contents { get; init; } = DataLabels.Default;

    public string Name => Bucket.Name;
}

/// <summary>One entry of an agent's <c>memory</c>. Immutable.</summary>
/// <param name="Bucket">The bucket's name.</param>
/// <param name="Access">What may be done.</param>
/// <param name="Keys">What keys must begin with; null for all keys, and then they may be listed.</param>
/// <param name="Position">Where it is given.</param>
internal sealed record MemoryGrant(string Bucket, MemoryAccess Access, string? Keys, BundlePosition Position)
{
    /// <summary>Everything that the other allows, this one allows too.</summary>
    public bool Covers(MemoryGrant other) =>
        Bucket == other.Bucket
        && (Access & other.Access) == other.Access
        && (Keys is null || other.Keys?.StartsWith(Keys, StringComparison.Ordinal) == true);

    /// <summary>The grant in words: <c>read, keys that begin with 'orders/'</c>.</summary>
    public string Describe()
    {
        var access = Access switch
        {
            MemoryAccess.Read => "read",
            MemoryAccess.Write => "write",
            _ => "read and write",
        };
        return Keys is null ? access : $"{access}, keys that begin with '{Keys}'";
    }
}

/// <summary>What a grant lets an agent do with a bucket.</summary>
[Flags]
internal enum MemoryAccess : byte
{
    /// <summary>Reading values; with all keys granted, listing these too.</summary>
    Read = 1,

    /// <summary>Setting and deleting.</summary>
    Write = 2,
}
