using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sdk.Http;

namespace AgentRuntime.Sdk;

/// <summary>Starts, reads and stops runs. Thread-safe.</summary>
public sealed class RunsClient
{
    private readonly ControlApi _api;

    internal RunsClient(ControlApi api) => _api = api;

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

    /// <summary>Starts a run, follows it to its end and returns it as it then stands, succeeded or not.</summary>
    public async Task<RunResource> RunToEndAsync(
        string agent, string input, Action<RunEventResource>? onEvent, CancellationToken cancellationToken)
    {
        var run = await StartAsync(agent, input, cancellationToken);
        await foreach (var e in WatchAsync(run.Id, 0, cancellationToken)) onEvent?.Invoke(e);
        return await GetAsync(run.Id, cancellationToken);
    }
}
