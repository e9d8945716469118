using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;
using System.IO.Pipelines;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// A run's events as server-sent events (WHATWG HTML, 9.2): <c>id</c> is the sequence, so that a client that was cut
/// off goes on with <c>Last-Event-ID</c>. Quiet streams get a comment now and then, so that proxies keep them and a
/// vanished client is noticed. Ends after the run has ended, or when the platform stops, which would else wait for it:
/// the run goes on later, and the client with it. Thread-safe.
/// </summary>
internal sealed class RunEventStream(
    EdgeOptions options, IRunService runs, TimeProvider time, CancellationToken stopping)
{
    private static readonly FrozenDictionary<Type, string> Names = typeof(RunEventData)
        .GetCustomAttributes<JsonDerivedTypeAttribute>()
        .ToFrozenDictionary(a => a.DerivedType, a => (string)a.TypeDiscriminator!);

    private readonly ConcurrencyLimit _limit =
        new("event streams", options.MaxEventStreams, options.MaxEventStreamsPerTenant);

    public async Task WriteAsync(HttpContext context, WorkIdentity caller, RunId run, long afterSequence)
    {
        using var place = _limit.Enter(caller.Tenant);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        var isBehind = false;
        try
        {
            await foreach (var _ in PartsAsync(context.Response, caller.Tenant, run, afterSequence, end.Token))
            {
                isBehind = true;
                await SendAsync(context.Response.BodyWriter, end);
                isBehind = false;
            }
        }
        catch (OperationCanceledException) when (
            stopping.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            // A client that does not read would not read the end either.
            if (isBehind)
                context.Abort();
        }
    }

    private static async ValueTask SendAsync(PipeWriter output, CancellationTokenSource end)
    {
        try
        {
            await output.FlushAsync(end.Token);
        }
        catch
        {
            await end.CancelAsync();
            throw;
        }
    }

    /// <summary>Writes the stream's parts one by one, to be sent by the caller.</summary>
    private async IAsyncEnumerable<bool> PartsAsync(
        HttpResponse response,
        TenantId tenant,
        RunId run,
        long afterSequence,
        [EnumeratorCancellation] CancellationToken gone)
    {
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        var output = response.BodyWriter;
        await using var events = runs.WatchAsync(tenant, run, afterSequence, gone).GetAsyncEnumerator(gone);
        await response.StartAsync(gone);
        Task<bool>? next = null;
        try
        {
            while (true)
            {
                next = events.MoveNextAsync().AsTask();
                while (!await IsThereAsync(next, gone))
                {
                    output.Write(": still here\n\n"u8);
                    yield return true;
                }

                if (!await next)
                    yield break;

                Write(output, events.Current);
                yield return true;
            }
        }
        finally
        {
            // Events that are still being waited for cannot be disposed of.
            if (next is not null)
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
        return first == next || gone.IsCancellationRequested;
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
