using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>A leg that cannot be put into an engine's messages.</summary>
internal sealed class LegRefusal(ReasonCode code, string message) : Exception(message)
{
    public ReasonCode Code => code;

    /// <summary>What an engine behind gRPC does not serve.</summary>
    public static LegRefusal Unsupported(string what) =>
        new(ReasonCodes.UnsupportedParameter, $"an engine that is reached over gRPC does not serve {what}");

    public static LegRefusal Malformed(string what) => new(ReasonCodes.MalformedRequest, what);
}
