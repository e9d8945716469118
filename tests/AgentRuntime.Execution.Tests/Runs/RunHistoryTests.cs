using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

public sealed class RunHistoryTests
{
    private static readonly RunId Run = RunId.New(TimeProvider.System);

    [Fact]
    public async Task What_a_run_has_recorded_of_a_call_is_read_when_it_is_asked_for_and_nothing_else_with_it()
    {
        var journal = new WrittenJournal(calls: 20);
        var history = await RunHistory.ReadAsync(journal, Run, CancellationToken.None);
        Assert.Equal((20, 60L, 1), (history.LastCall, history.LastSequence, history.Workers));
        journal.Reads.Clear();
        var seventh = await history.FindAsync(7, CancellationToken.None);
        Assert.Equal((18, 3), Assert.Single(journal.Reads));
        Assert.Equal(("7", "7"), (seventh!.ToolDecided!.ArgumentsJson, seventh.ToolCompleted!.Content));
        Assert.Null(await history.FindAsync(21, CancellationToken.None));
        Assert.Equal((true, false), (history.Has(20), history.Has(21)));
    }

    /// <summary>Each call is decided, logged about and answered; it gives four events at a time.</summary>
    private sealed class WrittenJournal(int calls) : IRunJournal
    {
        /// <summary>After which event was read, and how many were asked for.</summary>
        public List<(long After, int Limit)> Reads { get; } = [];

        public ValueTask<IReadOnlyList<RunEvent>> ReadAsync(
            RunId run, long afterSequence, int limit, CancellationToken cancellationToken)
        {
            Reads.Add((afterSequence, limit));
            return ValueTask.FromResult<IReadOnlyList<RunEvent>>(Page(afterSequence, Math.Min(limit, 4)));
        }

        public ValueTask CreateAsync(RunRecord run, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<IReadOnlyList<RunEvent>> AppendAsync(
            RunId run, long lastSequence, IReadOnlyList<RunEventData> events, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<RunEvent> TransitionAsync(
            RunRecord run, long lastSequence, RunEventData cause, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<RunRecord?> FindAsync(TenantId tenant, RunId run, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<IReadOnlyList<RunRecord>> ListAsync(
            TenantId tenant, RunId? before, int limit, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<IReadOnlyList<WorkIdentity>> ListUnfinishedAsync(CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        private List<RunEvent> Page(long after, int limit)
        {
            var events = new List<RunEvent>();
            for (var sequence = after + 1; sequence <= 3L * calls && events.Count < limit; sequence++)
            {
                var call = (int)((sequence + 2) / 3);
                RunEventData data = (sequence % 3) switch
                {
                    1 => new ToolDecided(call, "shop/do", $"{call}", "allow", []),
                    2 when call == 1 => new RunStarted("demo/agent", "m", "b", "scripted"),
                    2 => new GuestLogged("info", "between"),
                    _ => new ToolCompleted(call, "shop/do", $"{call}", 1),
                };
                events.Add(new RunEvent(Run, sequence, DateTimeOffset.UnixEpoch, data));
            }

            return events;
        }
    }
}
