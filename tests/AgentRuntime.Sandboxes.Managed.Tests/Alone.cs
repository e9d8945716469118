namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>Tests beside which no others run: what they measure belongs to the process as a whole.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
