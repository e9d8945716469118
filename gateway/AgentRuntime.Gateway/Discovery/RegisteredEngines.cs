using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>How nodes may join by themselves. Immutable.</summary>
public sealed record NodeRegistrationOptions
{
    /// <summary>What a node must know to join: 16 bytes or more. Never shown.</summary>
    public required ReadOnlyMemory<byte> JoinSecret { get; init; }

    /// <summary>
    /// How long a registration lives without being renewed; nodes renew after a third of it. Default 15 s.
    /// </summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Nodes at once; more are refused. Default 1,000.</summary>
    public int MaxNodes { get; init; } = 1_000;

    /// <exception cref="RuntimeErrorException">AR8001: something is out of range.</exception>
    internal void Validate()
    {
        if (JoinSecret.Length < 16 || Lease < TimeSpan.FromSeconds(1) || MaxNodes < 1)
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.InvalidConfiguration,
                "the join secret needs 16 bytes or more, the lease a second or more, and at least one node",
                nameof(NodeRegistrationOptions)));
        }
    }
}

/// <summary>
/// The engines that registered themselves, each on a lease that it renews. One that drains, leaves or stays silent for
/// its lease is gone from the list, and is then drained by whoever keeps the router in step. Thread-safe.
/// </summary>
public sealed class RegisteredEngines(NodeRegistrationOptions options, TimeProvider time) : IEngineSource
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Registration> _registered = new(StringComparer.Ordinal);

    /// <summary>How long a registration lives.</summary>
    public TimeSpan Lease => options.Lease;

    /// <summary>Takes a registration in, or renews it.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="draining">Whether it wants no new requests.</param>
    /// <exception cref="RuntimeErrorException">
    /// AR1004: the name belongs to another address, or the engine's description is wrong. AR4009: too many.
    /// </exception>
    public void Put(EngineDescriptor engine, bool draining)
    {
        ArgumentNullException.ThrowIfNull(engine);
        if (EngineRouterOptions.ProblemOf(engine) is { } problem)
            throw new RuntimeErrorException(new RuntimeError(ReasonCodes.MalformedRequest, problem, "body"));

        lock (_lock)
        {
            Expire();
            if (_registered.TryGetValue(engine.Name, out var known) && known.Engine.BaseAddress != engine.BaseAddress)
            {
                throw new RuntimeErrorException(new RuntimeError(
                    ReasonCodes.MalformedRequest,
                    $"the name '{engine.Name}' belongs to another address",
                    "name",
                    "Give every node a name of its own; a name is free again when its lease has ended."));
            }

            if (known is null && _registered.Count >= options.MaxNodes)
            {
                throw new RuntimeErrorException(
                    new RuntimeError(ReasonCodes.Saturated, "too many nodes are registered"));
            }

            _registered[engine.Name] = new(engine, draining, time.GetTimestamp());
        }
    }

    /// <summary>The node has gone; false when it was not there.</summary>
    public bool Remove(string name)
    {
        lock (_lock)
            return _registered.Remove(name);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<EngineDescriptor>?> ListAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Expire();
            return new([.. _registered.Values.Where(r => !r.Draining).Select(r => r.Engine)]);
        }
    }

    private void Expire()
    {
        foreach (var (name, registration) in _registered)
        {
            if (time.GetElapsedTime(registration.RenewedAt) >= options.Lease)
                _registered.Remove(name);
        }
    }

    private sealed record Registration(EngineDescriptor Engine, bool Draining, long RenewedAt);
}
