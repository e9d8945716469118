using AgentRuntime.Abstractions;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace AgentRuntime.Host.Composition;

/// <summary>
/// OpenTelemetry for one process: the platform's own source and meter beside those that ASP.NET Core and HttpClient
/// have built in. Exports over OTLP when the standard environment variables name an endpoint, else costs nothing.
/// </summary>
internal sealed class Telemetry : IDisposable
{
    private static readonly string[] EndpointVariables =
    [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    ];

    private readonly TracerProvider? _traces;
    private readonly MeterProvider? _metrics;
    private readonly RequestSpans? _requests;

    private Telemetry(TracerProvider? traces, MeterProvider? metrics, RequestSpans? requests) =>
        (_traces, _metrics, _requests) = (traces, metrics, requests);

    /// <param name="role">The process's role, such as <c>all</c> or <c>node</c>.</param>
    /// <param name="instance">Tells processes of one role apart, such as the node's name.</param>
    public static Telemetry Start(string role, string instance)
    {
        if (EndpointVariables.All(v => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(v))))
            return new Telemetry(null, null, null);

        // Environment variables (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) come last, so that they win.
        var resource = ResourceBuilder.CreateEmpty()
            .AddService("agentruntime", serviceInstanceId: instance)
            .AddAttributes([new("agentruntime.role", role)])
            .AddTelemetrySdk()
            .AddEnvironmentVariableDetector();
        return new Telemetry(
            Sdk.CreateTracerProviderBuilder()
                .SetResourceBuilder(resource)
                .AddSource(RuntimeTelemetry.Name, "Microsoft.AspNetCore", "System.Net.Http")
                .AddProcessor(new HousekeepingFilter())
                .AddOtlpExporter()
                .Build(),
            Sdk.CreateMeterProviderBuilder()
                .SetResourceBuilder(resource)
                .AddMeter(RuntimeTelemetry.Name, "Microsoft.AspNetCore.Hosting", "System.Net.Http", "System.Runtime")
                .AddOtlpExporter()
                .Build(),
            new RequestSpans());
    }

    /// <summary>Sends what is left.</summary>
    public void Dispose()
    {
        _requests?.Dispose();
        _traces?.Dispose();
        _metrics?.Dispose();
    }
}
