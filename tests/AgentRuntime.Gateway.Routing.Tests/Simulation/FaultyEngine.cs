using AgentRuntime.Gateway.Routing.Simulation;

namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>An engine of a <see cref="FaultySimulation"/>, and what has befallen it.</summary>
internal sealed class FaultyEngine
{
    public required SimulatedEngine Model { get; init; }

    public required bool ReportsLoad { get; init; }

    public required bool ServesAdapter { get; init; }

    public required byte TransferGroup { get; init; }

    public required EngineRoles Roles { get; init; }

    public EngineRef Ref { get; set; }

    public bool Down { get; set; }

    public bool Removed { get; set; }
}
