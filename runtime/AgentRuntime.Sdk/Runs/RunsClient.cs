using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sdk.Http;

namespace AgentRuntime.Sdk;

/// <summary>Starts, reads and stops runs. Thread-safe.</summary>
public sealed class RunsClient
{
    private const int MaxReconnects = 10;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(8);

    private readonly ControlApi _api;
    private readonly TimeProvider _time;

    internal RunsClient(ControlApi api, TimeProvider time) => (_api, _time) = (api, time);

    /// <summary>Starts a run; it is accepted and durable when the task completes.</summary>
    /// <param name="agent"><c>project/agent</c>.</param>
    /// <param name="input">What the agent is given.</param>
    /// <param name="cancellationToken">Cancels the request, not the run.</param>
    /// <exception cref="RuntimeErrorException">
    /// AR1006 unknown agent, AR2006, AR6004, AR7005, AR7006 and others.
    /// </exception>
    public Task<RunResource> StartAsync(string agent, string input, CancellationToken cancellationToken) =>
        _api.PostAsync(
            AgentPath.Of(agent) + "/runs",
            new StartRunBody(input),
            WireJson.Default.StartRunBody,
            WireJson.Default.RunResource,
            cancellationToken);

    /// <summary>The run as it stands.</summary>
    public Task<RunResource> GetAsync(string run, CancellationToken cancellationToken) =>
        _api.GetAsync($"v1/runs/{Uri.EscapeDataString(run)}", WireJson.Default.RunResource, cancellationToken);

    /// <summary>A page of the tenant's runs, newest first.</summary>
    public Task<RunList> ListAsync(string? pageToken, int pageSize, CancellationToken cancellationToken) =>
        _api.GetAsync(
            $"v1/runs?page_size={pageSize}"
            + (pageToken is null ? "" : $"&page_token={Uri.EscapeDataString(pageToken)}"),
            WireJson.Default.RunList,
            cancellationToken);

    /// <summary>Asks a run to stop. One that has ended stays as it is.</summary>
    public Task CancelAsync(string run, CancellationToken cancellationToken) =>
        _api.PostAsync($"v1/runs/{Uri.EscapeDataString(run)}/cancel", cancellationToken);

    /// <summary>
    /// The run's events: those that were, then new ones as they happen, until the run has ended. A broken connection
    /// ends the enumeration with an exception; call again with the last sequence number to go on.
    /// </summary>
    public async IAsyncEnumerable<RunEventResource> WatchAsync(
        string run, long afterSequence, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"v1/runs/{Uri.EscapeDataString(run)}/events");
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (afterSequence > 0) request.Headers.Add("Last-Event-ID", $"{afterSequence}");
        using var response = await _api.SendAsync(request, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var events = SseParser.Create(body, static (_, data) =>
            JsonSerializer.Deserialize(data, WireJson.Default.RunEventResource)
            ?? throw new JsonException("an event without content"));
        await foreach (var item in events.EnumerateAsync(cancellationToken)) yield return item.Data;
    }

    /// <summary>
    /// Starts a run, follows it to its end and returns it as it then stands, succeeded or not. Where the connection
    /// breaks, the run is followed further on a new one: a platform that starts again goes on with its runs. After
    /// three quarters of a minute without success the last failure is thrown.
    /// </summary>
    /// <exception cref="RuntimeErrorException">As <see cref="StartAsync"/>.</exception>
    /// <exception cref="HttpRequestException">The platform does not answer.</exception>
    /// <exception cref="IOException">The connection breaks again and again; the run may go on.</exception>
    public async Task<RunResource> RunToEndAsync(
        string agent, string input, Action<RunEventResource>? onEvent, CancellationToken cancellationToken)
    {
        var run = await StartAsync(agent, input, cancellationToken);
        return await FollowAsync(run.Id, onEvent, cancellationToken);
    }

    /// <summary>Follows a run to its end over broken connections; each event is told once.</summary>
    internal async Task<RunResource> FollowAsync(
        string run, Action<RunEventResource>? onEvent, CancellationToken cancellationToken)
    {
        var last = 0L;
        var failures = 0;
        while (true)
        {
            var isTelling = false; // what the caller's own action throws is not a broken connection
            try
            {
                await foreach (var e in WatchAsync(run, last, cancellationToken))
                {
                    (last, failures, isTelling) = (e.Sequence, 0, true);
                    onEvent?.Invoke(e);
                    isTelling = false;
                }

                var now = await GetAsync(run, cancellationToken);
                if (now.Status is not ("queued" or "running")) return now;
                if (failures == MaxReconnects)
                    throw new HttpIOException(HttpRequestError.ResponseEnded, $"{run}'s events end before it does");
            }
            catch (Exception e) when (
                !isTelling && failures < MaxReconnects && e is IOException or HttpRequestException)
            {
            }

            var delay = TimeSpan.FromTicks(Math.Min(FirstDelay.Ticks << failures, LongestDelay.Ticks));
            failures++;
            await Task.Delay(delay, _time, cancellationToken);
        }
    }
}
