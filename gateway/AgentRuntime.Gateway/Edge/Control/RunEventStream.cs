using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.IO.Pipelines;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// A run's events as server-sent events (WHATWG HTML, 9.2): <c>id</c> is the sequence, so that a client that was cut
/// off goes on with <c>Last-Event-ID</c>. Quiet streams get a comment now and then, so that proxies keep them and a
/// vanished client is noticed. Ends after the run has ended. Thread-safe.
/// </summary>
internal sealed class RunEventStream(EdgeOptions options, IRunService runs, TimeProvider time)
{
    private static readonly FrozenDictionary<Type, string> Names = typeof(RunEventData)
        .GetCustomAttributes<JsonDerivedTypeAttribute>()
        .ToFrozenDictionary(a => a.DerivedType, a => (string)a.TypeDiscriminator!);

    private readonly ConcurrencyLimit _limit =
        new("event streams", options.MaxEventStreams, options.MaxEventStreamsPerTenant);

    public async Task WriteAsync(HttpContext context, WorkIdentity caller, RunId run, long afterSequence)
    {
        using var place = _limit.Enter(caller.Tenant);
        var gone = context.RequestAborted;
        var response = context.Response;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        var output = response.BodyWriter;
        await using var events = runs.WatchAsync(caller.Tenant, run, afterSequence, gone).GetAsyncEnumerator(gone);
        await response.StartAsync(gone);
        while (true)
        {
            var next = events.MoveNextAsync().AsTask();
            while (!await IsThereAsync(next, gone))
            {
                output.Write(": still here\n\n"u8);
                await output.FlushAsync(gone);
            }

            if (!await next)
                return;

            Write(output, events.Current);
            await output.FlushAsync(gone);
        }
    }

    private async Task<bool> IsThereAsync(Task<bool> next, CancellationToken gone)
    {
        if (next.IsCompleted)
            return true;

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(gone);
        var beat = Task.Delay(options.EventHeartbeat, time, stop.Token);
        var first = await Task.WhenAny(next, beat);
        await stop.CancelAsync();
        return first == next;
    }

    private static void Write(PipeWriter output, RunEvent e)
    {
        var name = Names.GetValueOrDefault(e.Data.GetType(), "message");
        Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"id: {e.Sequence}\nevent: {name}\ndata: "), output);
        using (var json = new Utf8JsonWriter(output))
            JsonSerializer.Serialize(json, RunEventResource.From(e), WireJson.Default.RunEventResource);
        output.Write("\n\n"u8);
    }
}
