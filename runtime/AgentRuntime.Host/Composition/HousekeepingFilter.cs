using System.Diagnostics;
using OpenTelemetry;

namespace AgentRuntime.Host.Composition;

/// <summary>
/// Keeps the platform's housekeeping out of traces: requests that it makes on nobody's behalf (probes, scrapes,
/// leases), and those that ask a process for its health or metrics. Stands before the exporter. Thread-safe.
/// </summary>
internal sealed class HousekeepingFilter : BaseProcessor<Activity>
{
    public override void OnEnd(Activity data)
    {
        var ownRequest = data.Source.Name == "System.Net.Http" && data.ParentSpanId == default;
        var probe = data.Source.Name == "Microsoft.AspNetCore"
            && data.GetTagItem("url.path") is "/health" or "/metrics" or "/healthz";
        if (ownRequest || probe)
            data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
    }
}
