using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Cli.Reports;

/// <summary>Resources as the wire has them.</summary>
internal static class Json
{
    public static string Write(RunResource run) => JsonSerializer.Serialize(run, WireJson.Default.RunResource);

    public static string Write(RunEventResource e) => JsonSerializer.Serialize(e, WireJson.Default.RunEventResource);
}
