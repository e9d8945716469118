using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>Reads a recorded usage back. Stateless.</summary>
internal static class RecordedUsage
{
    public static InferenceUsage ToUsage(this UsageResource usage) =>
        new(new(usage.PromptTokens), new(usage.CachedPromptTokens), new(usage.OutputTokens));
}
