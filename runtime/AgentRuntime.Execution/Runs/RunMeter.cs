using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>What a run, or one chat of it, has used so far. Single-writer: the run's worker.</summary>
/// <param name="usage">Tokens that were used before.</param>
/// <param name="cost">Money that was used before.</param>
internal sealed class RunMeter(InferenceUsage usage, MicroUsd cost)
{
    /// <summary>Nothing was used before.</summary>
    public RunMeter()
        : this(InferenceUsage.None, default)
    {
    }

    /// <summary>Tokens used.</summary>
    public InferenceUsage Usage { get; private set; } = usage;

    /// <summary>Money used.</summary>
    public MicroUsd Cost { get; private set; } = cost;

    /// <summary>What the guest has used; null before it was started, or where there is none.</summary>
    public SandboxUsage? Sandbox { get; set; }

    public void Add(InferenceUsage usage, MicroUsd cost)
    {
        Usage += usage;
        Cost += cost;
    }

    public RunTotals Totals() => new(
        UsageResource.From(Usage),
        Cost.Value,
        Sandbox?.CpuTime.TotalMilliseconds ?? 0,
        Sandbox?.MemoryPeak.Value ?? 0,
        Sandbox?.HostCalls ?? 0);
}
