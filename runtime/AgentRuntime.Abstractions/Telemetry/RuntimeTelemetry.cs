using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace AgentRuntime.Abstractions;

/// <summary>
/// The platform's one activity source and one meter, with names after the OpenTelemetry GenAI semantic conventions
/// (spans <c>invoke_agent {name}</c>, <c>execute_tool {tool}</c>, <c>chat {model}</c>). Metrics are never labelled by
/// run or session. Thread-safe.
/// </summary>
public static class RuntimeTelemetry
{
    /// <summary>The name of the source and the meter.</summary>
    public const string Name = "AgentRuntime";

    /// <summary>Where spans are started.</summary>
    public static ActivitySource Source { get; } = new(Name);

    /// <summary>Where instruments are made.</summary>
    public static Meter Meter { get; } = new(Name);

    /// <summary>Tokens of a request, by <c>gen_ai.token.type</c> (input, output).</summary>
    public static Histogram<long> TokenUsage { get; } =
        Meter.CreateHistogram<long>("gen_ai.client.token.usage", "{token}", "Tokens used");

    /// <summary>Duration of a GenAI operation.</summary>
    public static Histogram<double> OperationDuration { get; } =
        Meter.CreateHistogram<double>("gen_ai.client.operation.duration", "s", "Duration of GenAI operations");

    /// <summary>Time from a request's arrival to its first token.</summary>
    public static Histogram<double> TimeToFirstToken { get; } =
        Meter.CreateHistogram<double>("gen_ai.server.time_to_first_token", "s", "Time to first token");

    /// <summary>Time per output token after the first.</summary>
    public static Histogram<double> TimePerOutputToken { get; } = Meter.CreateHistogram<double>(
        "gen_ai.server.time_per_output_token", "s", "Time per output token after the first");
}
