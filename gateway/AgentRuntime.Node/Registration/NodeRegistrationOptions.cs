namespace AgentRuntime.Node.Registration;

/// <summary>Where a node registers itself. Immutable.</summary>
public sealed record NodeRegistrationOptions
{
    /// <summary>The edges, each by its root address: all of them may send requests.</summary>
    public required IReadOnlyList<Uri> Edges { get; init; }

    /// <summary>The join secret. Never shown.</summary>
    public required string JoinSecret { get; init; }

    /// <summary>The address that edges reach the node by; null for the one that it listens on.</summary>
    public Uri? Address { get; init; }

    /// <summary>
    /// How long a node that is told to stop waits for the requests that it has, before it cuts them off. Default 30 s.
    /// </summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
