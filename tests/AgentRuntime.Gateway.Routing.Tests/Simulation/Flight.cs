using AgentRuntime.Gateway.Routing.Simulation;

namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>A request under way in a <see cref="FaultySimulation"/>.</summary>
internal sealed class Flight
{
    public required bool NeedsAdapter { get; init; }

    /// <summary>Whether its prefill has failed on an engine of a pair.</summary>
    public bool Skipped { get; set; }

    public required SimulatedRequest Request { get; init; }

    public double Since { get; set; }

    public bool Placed { get; set; }

    public int Delivered { get; set; }

    public int Uncached { get; set; }

    /// <summary>Whether its prompt has been read by the engine that it is on.</summary>
    public bool Begun { get; set; }

    public double Unfinished => (Begun || Delivered > 0 ? Uncached : 0) + (2.0 * Delivered);

    public int Prompt => Request.Trace.PromptTokens + Delivered;
}
