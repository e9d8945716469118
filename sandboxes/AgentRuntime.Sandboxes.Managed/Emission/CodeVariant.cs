namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>What code is compiled for: the imports that may block, and whether it counts fuel. Immutable.</summary>
internal sealed class CodeVariant(IEnumerable<int> blockingImports, bool metered, bool watched = true)
    : IEquatable<CodeVariant>
{
    public SortedSet<int> BlockingImports { get; } = [.. blockingImports];

    public bool Metered { get; } = metered;

    /// <summary>Whether there are epoch checks; always, but for the benchmark of their price.</summary>
    public bool Watched { get; } = watched;

    public bool Equals(CodeVariant? other) =>
        other is not null && Metered == other.Metered && Watched == other.Watched
            && BlockingImports.SetEquals(other.BlockingImports);

    public override bool Equals(object? obj) => Equals(obj as CodeVariant);

    public override int GetHashCode() => BlockingImports.Aggregate(Metered ? 1 : 0, HashCode.Combine);
}
