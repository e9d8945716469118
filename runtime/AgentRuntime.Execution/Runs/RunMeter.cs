using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>What a run has used so far. Single-writer: the run's worker.</summary>
internal sealed class RunMeter
{
    /// <summary>Tokens used.</summary>
    public InferenceUsage Usage { get; private set; } = InferenceUsage.None;

    /// <summary>Money used.</summary>
    public MicroUsd Cost { get; private set; }

    public void Add(InferenceUsage usage, MicroUsd cost)
    {
        Usage += usage;
        Cost += cost;
    }

    public RunTotals Totals(SandboxUsage? sandbox) => new(
        UsageResource.From(Usage),
        Cost.Value,
        sandbox?.CpuTime.TotalMilliseconds ?? 0,
        sandbox?.MemoryPeak.Value ?? 0,
        sandbox?.HostCalls ?? 0);
}
