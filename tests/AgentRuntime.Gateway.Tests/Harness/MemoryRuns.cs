using System.Runtime.CompilerServices;
using System.Threading.Channels;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Runs that do what a test says, in memory.</summary>
internal sealed class MemoryRuns : IRunService, IRunJournal
{
    private readonly Dictionary<RunId, (RunRecord Record, List<RunEvent> Events, Channel<bool> News)> _runs = [];

    public List<StartRun> Started { get; } = [];

    public List<RunId> Cancelled { get; } = [];

    public RuntimeError? Refusal { get; set; }

    /// <summary>The most runs of a page, whatever was asked for.</summary>
    public int MaxPage { get; set; } = int.MaxValue;

    public ValueTask<RunRecord> StartAsync(StartRun request, CancellationToken cancellationToken)
    {
        if (Refusal is not null)
            throw new RuntimeErrorException(Refusal);

        Started.Add(request);
        var record = new RunRecord(
            request.Caller with
            {
                Run = RunId.New(TimeProvider.System),
                AgentName = $"{request.Project}/{request.Agent}",
            },
            ModuleDigest.Of("m"u8),
            BundleDigest.Of("b"u8),
            request.Input,
            RunStatus.Queued,
            TimeProvider.System.GetUtcNow());
        lock (_runs)
            _runs[record.Identity.Run!.Value] = (record, [], Channel.CreateUnbounded<bool>());
        return ValueTask.FromResult(record);
    }

    public RunId Only
    {
        get
        {
            lock (_runs)
                return _runs.Keys.Single();
        }
    }

    public void Append(RunId run, RunEventData data)
    {
        lock (_runs)
        {
            var (_, events, news) = _runs[run];
            events.Add(new RunEvent(run, events.Count + 1, TimeProvider.System.GetUtcNow(), data));
            news.Writer.TryWrite(true);
        }
    }

    public ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken)
    {
        lock (_runs)
            return ValueTask.FromResult(
                _runs.TryGetValue(run, out var found) && found.Record.Identity.Tenant == tenant ? found.Record : null);
    }

    public ValueTask<IReadOnlyList<RunRecord>> ListAsync(
        TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken)
    {
        lock (_runs)
        {
            IReadOnlyList<RunRecord> page =
            [
                .. _runs.Values.Select(r => r.Record).Where(r => r.Identity.Tenant == tenant)
                    .OrderByDescending(r => r.Identity.Run!.Value.ToString(), StringComparer.Ordinal)
                    .Where(r => before is null
                        || string.CompareOrdinal(r.Identity.Run!.Value.ToString(), before.ToString()) < 0)
                    .Take(Math.Min(limit, MaxPage)),
            ];
            return ValueTask.FromResult(page);
        }
    }

    public async IAsyncEnumerable<RunEvent> WatchAsync(
        TenantId tenant, RunId run, long afterSequence, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var news = _runs[run].News.Reader;
        while (true)
        {
            foreach (var e in await ReadAsync(run, afterSequence, 100, cancellationToken))
            {
                afterSequence = e.Sequence;
                yield return e;
                if (e.Data is RunSucceeded)
                    yield break;
            }

            await news.ReadAsync(cancellationToken);
        }
    }

    public ValueTask<IReadOnlyList<RunEvent>> ReadAsync(
        RunId run, long afterSequence, int limit, CancellationToken cancellationToken)
    {
        lock (_runs)
        {
            IReadOnlyList<RunEvent> events =
                [.. _runs[run].Events.Where(e => e.Sequence > afterSequence).Take(limit)];
            return ValueTask.FromResult(events);
        }
    }

    public ValueTask<bool> CancelAsync(TenantId tenant, RunId run, CancellationToken cancellationToken)
    {
        Cancelled.Add(run);
        return ValueTask.FromResult(true);
    }

    public ValueTask CreateAsync(RunRecord run, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<RunEvent>> AppendAsync(
        RunId run, long lastSequence, IReadOnlyList<RunEventData> events, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<RunEvent> TransitionAsync(
        RunRecord run, long lastSequence, RunEventData cause, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<IReadOnlyList<WorkIdentity>> ListUnfinishedAsync(CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
