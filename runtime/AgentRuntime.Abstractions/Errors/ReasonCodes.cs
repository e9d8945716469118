namespace AgentRuntime.Abstractions;

/// <summary>
/// Every reason code of the platform, one file an area. A test keeps this list and the pages in step.
/// </summary>
public static partial class ReasonCodes;
