using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Integration.Tests.Telemetry;

/// <summary>An OTLP collector over HTTP with protobuf, which keeps the spans that it is sent.</summary>
internal sealed class TraceCollector : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Span> _spans = new();
    private readonly SemaphoreSlim _arrived = new(0);

    private TraceCollector(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single());

    public static async Task<TraceCollector> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var collector = new TraceCollector(builder.Build());
        collector._app.MapPost("/v1/traces", collector.ReceiveAsync);
        collector._app.MapPost("/v1/metrics", static () => Results.Ok());
        await collector._app.StartAsync();
        return collector;
    }

    /// <summary>Waits until the spans that arrived satisfy a condition, and returns them.</summary>
    public async Task<IReadOnlyList<Span>> WaitAsync(Func<IReadOnlyList<Span>, bool> enough, TimeSpan patience)
    {
        using var timeout = new CancellationTokenSource(patience);
        while (true)
        {
            Span[] spans = [.. _spans];
            if (enough(spans)) return spans;
            try
            {
                await _arrived.WaitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                return spans; // the test's assertion then says what is missing
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _arrived.Dispose();
    }

    private async Task<IResult> ReceiveAsync(HttpRequest request)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        foreach (var span in OtlpTraces.Read(body.ToArray())) _spans.Enqueue(span);
        _arrived.Release();
        return Results.Bytes([], "application/x-protobuf");
    }
}

/// <summary>The part of a span that tells where it belongs.</summary>
internal sealed record Span(
    string Trace, string Id, string Parent, string Name, IReadOnlyDictionary<string, string> Attributes);

/// <summary>Reads spans out of an ExportTraceServiceRequest (opentelemetry-proto 1.x, trace.proto).</summary>
internal static class OtlpTraces
{
    public static IEnumerable<Span> Read(byte[] request) =>
        from resourceSpans in Messages(request, 1)
        from scopeSpans in Messages(resourceSpans, 2)
        from span in Messages(scopeSpans, 2)
        select ReadSpan(span);

    private static Span ReadSpan(byte[] span) => new(
        Hex(Messages(span, 1)),
        Hex(Messages(span, 2)),
        Hex(Messages(span, 4)),
        Text(Messages(span, 5)),
        Messages(span, 9).ToDictionary(
            attribute => Text(Messages(attribute, 1)),
            attribute => Text(Messages(attribute, 2).SelectMany(value => Messages(value, 1)))));

    /// <summary>The length-delimited fields of a message that have this number.</summary>
    private static List<byte[]> Messages(byte[] message, int number)
    {
        var found = new List<byte[]>();
        using var input = new CodedInputStream(message);
        while (input.ReadTag() is var tag and not 0)
        {
            if (WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited)
            {
                var content = input.ReadBytes().ToByteArray();
                if (WireFormat.GetTagFieldNumber(tag) == number) found.Add(content);
            }
            else
            {
                input.SkipLastField();
            }
        }

        return found;
    }

    private static string Hex(IEnumerable<byte[]> fields) => Convert.ToHexStringLower(fields.FirstOrDefault() ?? []);

    private static string Text(IEnumerable<byte[]> fields) =>
        System.Text.Encoding.UTF8.GetString(fields.FirstOrDefault() ?? []);
}
