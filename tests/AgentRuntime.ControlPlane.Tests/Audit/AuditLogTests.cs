using System.Globalization;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.ControlPlane.Tests;

public sealed class AuditLogTests
{
    private static readonly TenantId Tenant = new(new Guid("01900000-0000-7000-8000-00000000000a"));

    private readonly MemoryStore _store = new();

    [Fact]
    public async Task Records_are_kept_in_the_order_in_which_they_came()
    {
        await using var log = new AuditLog(_store, TimeProvider.System);
        for (var i = 0; i < 1_000; i++)
            Assert.True(log.TryAppend(Entry(i)));

        await log.FlushAsync(CancellationToken.None);

        Assert.Equal(Enumerable.Range(0, 1_000), _store.Kept.Select(Number));
        Assert.True(_store.Writes < 1_000, "records that wait together are written together");
    }

    [Fact]
    public async Task Whoever_reads_sees_what_was_handed_over_before()
    {
        await using var log = new AuditLog(_store, TimeProvider.System);
        log.TryAppend(Entry(1));

        var read = await log.ReadAsync(Tenant, new(), CancellationToken.None);

        Assert.Equal(1, Number(Assert.Single(read).Data));
    }

    [Fact]
    public async Task While_the_store_fails_records_wait_and_then_too_many_are_refused()
    {
        _store.Fails = true;
        var told = new TaskCompletionSource<RuntimeError>();
        await using var log = new AuditLog(
            _store,
            TimeProvider.System,
            new() { MaxWaiting = 4, RetryAfter = TimeSpan.FromMilliseconds(5) },
            e => told.TrySetResult(e));
        log.TryAppend(Entry(0));
        Assert.Equal(ReasonCodes.StorageFailed, (await told.Task).Code);
        var taken = Enumerable.Range(1, 10).Count(i => log.TryAppend(Entry(i)));

        var failure = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await log.FlushAsync(CancellationToken.None));
        _store.Fails = false;
        await _store.Written.Task;
        while (_store.Kept.Count < 5)
        {
            try
            {
                await log.FlushAsync(CancellationToken.None);
            }
            catch (RuntimeErrorException)
            {
                // The writer has not tried again yet.
            }
        }

        Assert.Equal(4, taken);
        Assert.Equal(ReasonCodes.StorageFailed, failure.Error.Code);
        Assert.Equal([0, 1, 2, 3, 4], _store.Kept.Select(Number));
    }

    [Fact]
    public async Task A_record_that_can_never_be_written_is_told_and_holds_up_no_other()
    {
        var told = new List<RuntimeError>();
        _store.Poison = "2";
        await using var log = new AuditLog(_store, TimeProvider.System, null, told.Add);
        for (var i = 0; i < 5; i++)
            log.TryAppend(Entry(i));

        await log.FlushAsync(CancellationToken.None);

        Assert.Equal([0, 1, 3, 4], _store.Kept.Select(Number));
        Assert.Equal(ReasonCodes.StorageFailed, Assert.Single(told).Code);
    }

    [Fact]
    public async Task A_decision_whose_arguments_can_never_be_written_is_kept_without_them()
    {
        var told = new List<RuntimeError>();
        _store.RefusesArguments = true;
        await using var log = new AuditLog(_store, TimeProvider.System, null, told.Add);
        var decision = new DecisionMade("dec_1", "p/a", "key:k", "call_tool", "t", "deny", [])
        {
            Arguments = JsonElement.Parse("{}"),
        };
        log.TryAppend(Entry(0));
        log.TryAppend(new(Tenant, DateTimeOffset.UnixEpoch, decision));

        await log.FlushAsync(CancellationToken.None);

        Assert.Equal(decision with { Arguments = null }, _store.Kept[1]);
        Assert.Empty(told);
    }

    [Fact]
    public async Task Records_that_nobody_waits_for_come_together_in_one_write()
    {
        await using var log = new AuditLog(_store, new StillTime());
        log.TryAppend(Entry(0));
        await _store.Written.Task;
        for (var i = 1; i <= 300; i++)
            log.TryAppend(Entry(i));

        // The clock stands still, so nothing but who waits for it makes the writer go on.
        await log.FlushAsync(CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 301), _store.Kept.Select(Number));
        Assert.InRange(_store.Writes, 2, 3);
    }

    [Fact]
    public async Task The_end_waits_for_no_clock()
    {
        var log = new AuditLog(_store, new StillTime());
        log.TryAppend(Entry(0));
        await _store.Written.Task;
        log.TryAppend(Entry(1));
        await log.DisposeAsync();
        Assert.Equal([0, 1], _store.Kept.Select(Number));
    }

    [Fact]
    public async Task What_waits_at_the_end_is_written()
    {
        var log = new AuditLog(_store, TimeProvider.System);
        for (var i = 0; i < 100; i++)
            log.TryAppend(Entry(i));

        await log.DisposeAsync();

        Assert.Equal(100, _store.Kept.Count);
        Assert.False(log.TryAppend(Entry(100)));
    }

    private static AuditEntry Entry(int number) =>
        new(Tenant, DateTimeOffset.UnixEpoch, new DecisionSettled($"{number}", "succeeded"));

    private static int Number(AuditData data) =>
        int.Parse(((DecisionSettled)data).Decision, CultureInfo.InvariantCulture);

    /// <summary>A clock whose timers never fire.</summary>
    private sealed class StillTime : TimeProvider, ITimer
    {
        public override ITimer CreateTimer(
            TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => this;

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
            // Nothing is held.
        }

        public ValueTask DisposeAsync() => default;
    }

    private sealed class MemoryStore : IAuditStore
    {
        private readonly Lock _lock = new();
        private readonly List<AuditData> _kept = [];

        public volatile bool Fails;

        /// <summary>A decision whose record breaks whatever it is written with.</summary>
        public string? Poison { get; set; }

        /// <summary>A decision with arguments breaks whatever it is written with.</summary>
        public bool RefusesArguments { get; set; }

        public int Writes { get; private set; }

        public TaskCompletionSource Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IReadOnlyList<AuditData> Kept
        {
            get
            {
                lock (_lock)
                    return [.. _kept];
            }
        }

        public ValueTask AppendAsync(
            IReadOnlyList<AuditEntry> entries, long maxPerTenant, CancellationToken cancellationToken)
        {
            if (Fails)
                throw new RuntimeErrorException(new(ReasonCodes.StorageFailed, "the disk is full"));
            if (entries.Any(e => e.Data is DecisionSettled settled && settled.Decision == Poison))
                throw new InvalidOperationException("this cannot be written");
            if (RefusesArguments && entries.Any(e => e.Data is DecisionMade { Arguments: not null }))
                throw new InvalidOperationException("these arguments cannot be written");
            lock (_lock)
            {
                Writes++;
                _kept.AddRange(entries.Select(e => e.Data));
            }

            Written.TrySetResult();
            return default;
        }

        public ValueTask<IReadOnlyList<AuditRecord>> ReadAsync(
            TenantId tenant, AuditQuery query, CancellationToken cancellationToken) =>
            new(Kept.Select((d, i) => new AuditRecord(i, DateTimeOffset.UnixEpoch, d)).ToList());

        public ValueTask<IReadOnlyList<AuditRecord>> ReadHoldsAsync(
            TenantId tenant, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
