using System.Globalization;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace AgentRuntime.Gateway;

/// <summary>
/// Starts, shows and cancels runs. A key sees the runs of its own project; whatever belongs to others does not exist
/// for it. Thread-safe.
/// </summary>
internal sealed class RunsEndpoint(
    EdgeOptions options,
    IRunService runs,
    IRunJournal journal,
    IAgentStore agents,
    JsonBodies bodies,
    TimeProvider time,
    IHostApplicationLifetime lifetime)
{
    private const int DefaultPage = 50;
    private const int MaxPage = 200;

    private readonly RunEventStream _events = new(options, runs, time, lifetime.ApplicationStopping);

    /// <summary>
    /// <c>POST /v1/projects/{project}/agents/{agent}/runs</c> and <c>POST /v1/agents/{agent}/runs</c>.
    /// </summary>
    public async Task StartAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var run = await StartedAsync(context, caller, cancellationToken);
        var id = run.Identity.Run.GetValueOrDefault();
        context.Response.Headers.Location = $"/v1/runs/{id}";
        if (WantsEvents(context.Request))
        {
            await _events.WriteAsync(context, caller, id, afterSequence: 0);
            return;
        }

        await JsonAnswer.WriteAsync(context, 202, RunResource.From(run), WireJson.Default.RunResource);
    }

    /// <summary>What comes before an answer that may be an event stream, which takes as long as its run does.</summary>
    private async Task<RunRecord> StartedAsync(
        HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        using var stop = new CancellationTokenSource(options.ControlTimeout, time);
        using var left = cancellationToken.UnsafeRegister(
            static stop => ((CancellationTokenSource)stop!).Cancel(), stop);
        var (project, agent) = await AgentOfAsync(context, caller, stop.Token);
        var body = await bodies.ReadAsync<StartRunBody>(context, caller, options.MaxRunBodyBytes, stop.Token);
        return await runs.StartAsync(new StartRun(caller, project, agent, body.Input), stop.Token);
    }

    /// <summary><c>GET /v1/runs</c>: a page, newest first.</summary>
    public async Task ListAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var size = QueryParameters.Number(context.Request, "page_size", DefaultPage, 1, MaxPage);
        RunId? before = null;
        if (QueryParameters.Text(context.Request, "page_token") is { } token)
        {
            before = RunId.TryParse(token, out var id)
                ? id
                : throw Malformed("page_token", "'page_token' is not one that this API gave out");
        }

        var page = await runs.ListAsync(caller.Tenant, before, (int)size, cancellationToken);
        var next = await NextAsync(page, caller, (int)size, cancellationToken);
        await JsonAnswer.WriteAsync(
            context,
            200,
            new RunList([.. page.Where(r => IsVisible(r, caller)).Select(RunResource.From)], next),
            WireJson.Default.RunList);
    }

    /// <summary><c>GET /v1/runs/{id}</c>.</summary>
    public async Task GetAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var run = await FindAsync(context, caller, cancellationToken);
        await JsonAnswer.WriteAsync(context, 200, RunResource.From(run), WireJson.Default.RunResource);
    }

    /// <summary>
    /// <c>GET /v1/runs/{id}/events</c>: those so far as JSON, or all as they happen as server-sent events.
    /// </summary>
    public async Task EventsAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var run = await FindAsync(context, caller, cancellationToken);
        var id = run.Identity.Run.GetValueOrDefault();
        var after = QueryParameters.Number(context.Request, "after", 0, 0, long.MaxValue);
        if (WantsEvents(context.Request))
        {
            if (context.Request.Headers["Last-Event-ID"] is [{ Length: > 0 } last])
            {
                after = long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)
                    ? sequence
                    : throw Malformed("Last-Event-ID", "'Last-Event-ID' must be an event's sequence number");
            }

            await _events.WriteAsync(context, caller, id, after);
            return;
        }

        var limit = QueryParameters.Number(context.Request, "limit", 500, 1, 1_000);
        var events = await journal.ReadAsync(id, after, (int)limit, cancellationToken);
        await JsonAnswer.WriteAsync(
            context, 200, new RunEventList([.. events.Select(RunEventResource.From)]), WireJson.Default.RunEventList);
    }

    /// <summary><c>POST /v1/runs/{id}/cancel</c>.</summary>
    public async Task CancelAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var run = await FindAsync(context, caller, cancellationToken);
        if (!await runs.CancelAsync(caller.Tenant, run.Identity.Run.GetValueOrDefault(), cancellationToken))
            throw UnknownRun();

        var now = await FindAsync(context, caller, cancellationToken);
        await JsonAnswer.WriteAsync(context, 202, RunResource.From(now), WireJson.Default.RunResource);
    }

    /// <summary>
    /// The token of the next page; null when there is none. A page of large runs has fewer than were asked for.
    /// </summary>
    private async Task<string?> NextAsync(
        IReadOnlyList<RunRecord> page, WorkIdentity caller, int size, CancellationToken cancellationToken)
    {
        if (page.Count == 0)
            return null;
        var last = page[^1].Identity.Run.GetValueOrDefault();
        return page.Count == size || await runs.ListAsync(caller.Tenant, last, 1, cancellationToken) is { Count: > 0 }
            ? last.ToString()
            : null;
    }

    private async Task<(string Project, string Agent)> AgentOfAsync(
        HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var name = context.Request.RouteValues["agent"] as string ?? "";
        var project = context.Request.RouteValues["project"] as string ?? caller.ProjectName;
        if (project == caller.ProjectName && AgentId.TryParse(name, out var id))
        {
            var all = await agents.ListAsync(caller.Tenant, cancellationToken);
            name = all.FirstOrDefault(a => a.Id == id && a.Project == caller.Project)?.Name ?? throw UnknownAgent(name);
        }

        return project == caller.ProjectName ? (project, name) : throw UnknownAgent($"{project}/{name}");
    }

    private async Task<RunRecord> FindAsync(
        HttpContext context, WorkIdentity caller, CancellationToken cancellationToken) =>
        RunId.TryParse(context.Request.RouteValues["id"] as string, out var id)
            && await runs.FindAsync(caller.Tenant, id, cancellationToken) is { } run && IsVisible(run, caller)
            ? run
            : throw UnknownRun();

    private static bool IsVisible(RunRecord run, WorkIdentity caller) =>
        run.Identity.Tenant == caller.Tenant && run.Identity.Project == caller.Project;

    private static bool WantsEvents(HttpRequest request) =>
        QueryParameters.Flag(request, "stream")
        || request.Headers.Accept.ToString().Contains("text/event-stream", StringComparison.OrdinalIgnoreCase);

    private static RuntimeErrorException UnknownRun() =>
        new(new RuntimeError(ReasonCodes.UnknownRun, "there is no such run", "id"));

    private static RuntimeErrorException UnknownAgent(string name) => new(new RuntimeError(
        ReasonCodes.UnknownAgent, $"there is no agent '{name}'", "agent", "GET /v1/agents lists those there are."));

    private static RuntimeErrorException Malformed(string where, string message) =>
        new(new RuntimeError(ReasonCodes.MalformedRequest, message, where));
}
