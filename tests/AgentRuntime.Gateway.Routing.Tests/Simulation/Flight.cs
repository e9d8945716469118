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

    /// <summary>Uncached tokens of the client's own prompt, as its engine was sent it.</summary>
    public int Uncached { get; private set; }

    /// <summary>Whether its prompt has been read by the engine that it is on.</summary>
    public bool Begun { get; set; }

    public double Unfinished => (Begun || Delivered > 0 ? Uncached : 0) + (2.0 * Delivered);

    public int Prompt => Request.Trace.PromptTokens + Delivered;

    /// <summary>An engine is sent the prompt, of which it is believed to hold so much.</summary>
    public void Sent(int cachedTokens) => Uncached = Math.Max(0, Math.Max(1, Prompt - cachedTokens) - Delivered);
}
