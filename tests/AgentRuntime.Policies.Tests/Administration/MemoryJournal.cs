using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

/// <summary>Runs that a test wrote, with their events.</summary>
internal sealed class MemoryJournal : IRunJournal
{
    private readonly Dictionary<RunId, (RunRecord Run, List<RunEvent> Events)> _runs = [];

    public RunRecord Add(BundleDigest bundle, params (DateTimeOffset At, RunEventData Data)[] events)
    {
        var id = new RunId(Guid.CreateVersion7(Calls.Noon));
        var run = new RunRecord(
            Calls.Agent("demo/clerk") with { Run = id },
            ModuleDigest.Of([1]),
            bundle,
            "in",
            RunStatus.Succeeded,
            Calls.Noon);
        _runs.Add(id, (run, events.Select((e, i) => new RunEvent(id, i + 1, e.At, e.Data)).ToList()));
        return run;
    }

    public ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken) =>
        new(_runs.TryGetValue(run, out var kept) && kept.Run.Identity.Tenant == tenant ? kept.Run : null);

    public ValueTask<IReadOnlyList<RunEvent>> ReadAsync(
        RunId run, long afterSequence, int limit, CancellationToken cancellationToken) =>
        new(_runs[run].Events.Where(e => e.Sequence > afterSequence).Take(limit).ToList());

    public ValueTask CreateAsync(RunRecord run, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<RunEvent>> AppendAsync(
        RunId run, long lastSequence, IReadOnlyList<RunEventData> events, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<RunEvent> TransitionAsync(
        RunRecord run, long lastSequence, RunEventData cause, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<RunRecord>> ListAsync(
        TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<WorkIdentity>> ListUnfinishedAsync(CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
