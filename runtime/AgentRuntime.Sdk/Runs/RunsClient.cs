using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sdk.Http;

namespace AgentRuntime.Sdk;

/// <summary>Starts, reads and stops runs. Thread-safe.</summary>
public sealed class RunsClient
{
    private const int MaxFailures = 10;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(8);

    private readonly ControlApi _api;
    private readonly TimeProvider _time;
    private readonly SilenceLimit _silence;

    internal RunsClient(ControlApi api, TimeProvider time) => (_api, _time, _silence) = (api, time, new(time));

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
        _api.GetAsync(RunPath.Of(run), WireJson.Default.RunResource, cancellationToken);

    /// <summary>A page of the tenant's runs, newest first.</summary>
    public Task<RunList> ListAsync(string? pageToken, int pageSize, CancellationToken cancellationToken) =>
        _api.GetAsync(
            $"v1/runs?page_size={pageSize}"
            + (pageToken is null ? "" : $"&page_token={Uri.EscapeDataString(pageToken)}"),
            WireJson.Default.RunList,
            cancellationToken);

    /// <summary>Asks a run to stop. One that has ended stays as it is.</summary>
    public Task CancelAsync(string run, CancellationToken cancellationToken) =>
        _api.PostAsync(RunPath.Of(run) + "/cancel", cancellationToken);

    /// <summary>
    /// The run's events: those that were, then new ones as they happen, until the run has ended. A broken connection
    /// ends the enumeration with an exception, and so does one on which nothing comes for 45 s, not even the signs of
    /// life of a quiet run; call again with the last sequence number to go on.
    /// </summary>
    public IAsyncEnumerable<RunEventResource> WatchAsync(
        string run, long afterSequence, CancellationToken cancellationToken) =>
        WatchAsync(run, afterSequence, static () => { }, cancellationToken);

    /// <summary>
    /// Starts a run, follows it to its end and returns it as it then stands, succeeded or not. Where the connection
    /// breaks or is silent, or the platform or what stands before it has no time (HTTP 429, 502, 503, 504), the run is
    /// followed further on a new one: a platform that starts again goes on with its runs. After three quarters of a
    /// minute of such failures and nothing else the last one is thrown.
    /// </summary>
    /// <exception cref="RuntimeErrorException">
    /// As <see cref="StartAsync"/>; or the platform keeps refusing to tell of the run.
    /// </exception>
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
        var attempts = 0; // since something came; what is waited between two grows with them
        var failures = 0; // since the platform answered
        while (true)
        {
            var isTelling = false; // what the caller's own action throws is not a broken connection
            var least = TimeSpan.Zero;
            try
            {
                // A quiet run's signs of life are success too: it may wait for a person for hours.
                var events = WatchAsync(run, last, () => attempts = failures = 0, cancellationToken);
                await foreach (var e in events)
                {
                    (last, isTelling) = (e.Sequence, true);
                    onEvent?.Invoke(e);
                    isTelling = false;
                }

                var now = await _silence.WithinAsync(token => GetAsync(run, token), cancellationToken);
                if (now.Status is not ("queued" or "running")) return now;
                failures = 0;
            }
            catch (Exception e) when (!isTelling && failures < MaxFailures && IsPassing(e))
            {
                failures++;
                least = (e as RuntimeErrorException)?.Error.RetryAfter ?? TimeSpan.Zero;
            }

            var delay = FirstDelay * (1 << Math.Min(attempts, 10));
            if (delay < least) delay = least;
            attempts++;
            await Task.Delay(delay < LongestDelay ? delay : LongestDelay, _time, cancellationToken);
        }
    }

    private static bool IsPassing(Exception e) =>
        e is IOException or HttpRequestException or RuntimeErrorException { Error.RetryAfter: not null };

    private async IAsyncEnumerable<RunEventResource> WatchAsync(
        string run, long afterSequence, Action heard, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, RunPath.Of(run) + "/events");
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (afterSequence > 0) request.Headers.Add("Last-Event-ID", $"{afterSequence}");
        using var response = await _silence.WithinAsync(
            token => _api.SendAsync(request, token), cancellationToken);
        await using var body = new HeardStream(
            await response.Content.ReadAsStreamAsync(cancellationToken), _silence, heard);
        var events = SseParser.Create(body, static (_, data) =>
            JsonSerializer.Deserialize(data, WireJson.Default.RunEventResource)
            ?? throw new JsonException("an event without content"));
        await foreach (var item in events.EnumerateAsync(cancellationToken)) yield return item.Data;
    }
}
