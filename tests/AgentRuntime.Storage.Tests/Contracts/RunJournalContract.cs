using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>What every <see cref="IRunJournal"/> does, whatever stands behind it.</summary>
public abstract class RunJournalContract : IAsyncLifetime
{
    private readonly CancellationToken _ct = CancellationToken.None;

    protected abstract IRunJournal Journal { get; }

    public abstract Task InitializeAsync();

    public abstract Task DisposeAsync();

    [Fact]
    public async Task A_created_run_reads_back_equal()
    {
        foreach (var input in (string[])["TCK-1", ""])
        {
            var run = Given.Run(Given.Tenant(1), input: input) with { Output = input };
            await Journal.CreateAsync(run, _ct);
            Assert.Equal(run, await Journal.FindAsync(run.Identity.Tenant, Given.Id(run), _ct));
        }
    }

    [Fact]
    public Task Text_of_any_kind_reads_back_as_it_was() => ReadsBackAsync(0);

    [Fact]
    public Task Long_text_of_any_kind_reads_back_as_it_was() => ReadsBackAsync(100_000);

    private async Task ReadsBackAsync(int more)
    {
        var odd = "a\0b \r\n ü 😀 \\ ' \" $1 %s" + new string('x', more);
        var run = Given.Run(Given.Tenant(1), input: odd);
        await Journal.CreateAsync(run, _ct);
        var ended = run with
        {
            Status = RunStatus.Failed,
            Output = odd,
            Error = new RuntimeError(ReasonCodes.GuestError, odd, odd, odd),
        };
        await Journal.TransitionAsync(ended, 0, new GuestLogged("info", odd), _ct);
        Assert.Equal(ended, await Journal.FindAsync(run.Identity.Tenant, Given.Id(run), _ct));
        Assert.Equal(
            new GuestLogged("info", odd), Assert.Single(await Journal.ReadAsync(Given.Id(run), 0, 10, _ct)).Data);
    }

    [Fact]
    public async Task Another_tenant_does_not_find_the_run()
    {
        var run = Given.Run(Given.Tenant(1));
        await Journal.CreateAsync(run, _ct);
        Assert.Null(await Journal.FindAsync(Given.Tenant(2), Given.Id(run), _ct));
        Assert.Empty(await Journal.ListAsync(Given.Tenant(2), null, 10, _ct));
    }

    [Fact]
    public async Task Events_are_numbered_from_one_without_gaps_over_appends_and_transitions()
    {
        var run = Given.Run(Given.Tenant(1));
        await Journal.CreateAsync(run, _ct);
        var id = Given.Id(run);
        var first = await Journal.AppendAsync(id, 0, [new GuestLogged("info", "a"), new GuestLogged("info", "b")], _ct);
        var second = await Journal.TransitionAsync(
            run with { Status = RunStatus.Running }, 2, new RunStarted("demo/triage", "m", "b", "managed"), _ct);
        Assert.Equal([1L, 2L], first.Select(e => e.Sequence));
        Assert.Equal(3, second.Sequence);
        Assert.Equal([.. first, second], await Journal.ReadAsync(id, 0, 100, _ct));
        Assert.Equal([second], await Journal.ReadAsync(id, 2, 100, _ct));
        Assert.Equal([first[0]], await Journal.ReadAsync(id, 0, 1, _ct));
    }

    [Fact]
    public async Task Large_events_are_read_in_pages_of_few_and_none_is_left_out()
    {
        var run = Given.Run(Given.Tenant(1));
        await Journal.CreateAsync(run, _ct);
        var large = new string('x', 400_000);
        await Journal.AppendAsync(
            Given.Id(run), 0, [.. Enumerable.Range(1, 7).Select(i => new GuestLogged("info", i + large))], _ct);
        var read = new List<RunEvent>();
        while (await Journal.ReadAsync(Given.Id(run), read.Count, 1_000, _ct) is { Count: > 0 } page)
        {
            Assert.InRange(page.Count, 1, 3);
            read.AddRange(page);
        }

        Assert.Equal(Enumerable.Range(1, 7).Select(i => (long)i), read.Select(e => e.Sequence));
        Assert.All(read, e => Assert.Equal(e.Sequence + large, ((GuestLogged)e.Data).Message));
    }

    [Fact]
    public async Task Large_runs_are_listed_in_pages_of_few_and_none_is_left_out()
    {
        var tenant = Given.Tenant(1);
        var large = new string('x', 1_500_000);
        var runs = Enumerable.Range(0, 7).Select(i => Given.Run(tenant, i, input: large)).ToList();
        foreach (var run in runs)
            await Journal.CreateAsync(run, _ct);
        var read = new List<RunRecord>();
        while (await Journal.ListAsync(tenant, read.Count == 0 ? null : Given.Id(read[^1]), 200, _ct)
            is { Count: > 0 } page)
        {
            Assert.InRange(page.Count, 1, 3);
            read.AddRange(page);
        }

        runs.Reverse();
        Assert.Equal(runs, read);
    }

    [Fact]
    public async Task A_transition_changes_status_outcome_and_totals()
    {
        var run = Given.Run(Given.Tenant(1));
        await Journal.CreateAsync(run, _ct);
        var ended = run with
        {
            Status = RunStatus.Failed,
            EndedAt = run.CreatedAt.AddSeconds(9),
            Error = new RuntimeError(ReasonCodes.RunDeadline, "too late", "run", "ask for less"),
            Usage = new InferenceUsage(new(10), new(4), new(3)),
            Cost = new MicroUsd(77),
        };
        await Journal.TransitionAsync(ended, 0, new RunFailed(ErrorResource.From(ended.Error), Totals), _ct);
        Assert.Equal(ended, await Journal.FindAsync(run.Identity.Tenant, Given.Id(run), _ct));
    }

    [Fact]
    public async Task A_transition_of_an_unknown_run_is_a_storage_error_and_leaves_no_event()
    {
        var run = Given.Run(Given.Tenant(1));
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await Journal.TransitionAsync(run, 0, new RunSucceeded("x", Totals), _ct));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
        Assert.Empty(await Journal.ReadAsync(Given.Id(run), 0, 10, _ct));
    }

    [Fact]
    public async Task An_event_of_an_unknown_run_is_a_storage_error()
    {
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await Journal.AppendAsync(
                Given.Id(Given.Run(Given.Tenant(1))), 0, [new GuestLogged("info", "a")], _ct));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
    }

    [Fact]
    public async Task A_run_cannot_be_created_twice_and_the_failure_disturbs_no_other_write()
    {
        var run = Given.Run(Given.Tenant(1));
        await Journal.CreateAsync(run, _ct);
        var others = Enumerable.Range(1, 20).Select(i => Given.Run(Given.Tenant(1), i)).ToList();
        var writes = others.Select(r => Journal.CreateAsync(r, _ct).AsTask()).ToList();
        var twice = Journal.CreateAsync(run with { Input = "changed" }, _ct).AsTask();
        await Task.WhenAll(writes);
        await Assert.ThrowsAsync<RuntimeErrorException>(() => twice);
        Assert.Equal(21, (await Journal.ListAsync(run.Identity.Tenant, null, 100, _ct)).Count);
        Assert.Equal("hello", (await Journal.FindAsync(run.Identity.Tenant, Given.Id(run), _ct))!.Input);
    }

    [Fact]
    public async Task Runs_are_listed_newest_first_in_pages()
    {
        var tenant = Given.Tenant(1);
        var runs = Enumerable.Range(0, 5).Select(i => Given.Run(tenant, i)).ToList();
        foreach (var run in runs)
            await Journal.CreateAsync(run, _ct);
        var page = await Journal.ListAsync(tenant, null, 2, _ct);
        Assert.Equal([runs[4], runs[3]], page);
        Assert.Equal([runs[2], runs[1], runs[0]], await Journal.ListAsync(tenant, Given.Id(page[1]), 10, _ct));
    }

    [Fact]
    public async Task Only_queued_and_running_runs_are_unfinished()
    {
        var runs = Enumerable.Range(0, 5).Select(i => Given.Run(Given.Tenant(i), i)).ToList();
        foreach (var run in runs)
            await Journal.CreateAsync(run, _ct);
        RunStatus[] others = [RunStatus.Running, RunStatus.Succeeded, RunStatus.Failed, RunStatus.Cancelled];
        foreach (var (run, status) in runs.Skip(1).Zip(others))
            await Journal.TransitionAsync(run with { Status = status }, 0, new GuestLogged("info", "x"), _ct);
        Assert.Equal([runs[0].Identity, runs[1].Identity], await Journal.ListUnfinishedAsync(_ct));
    }

    [Fact]
    public async Task Concurrent_runs_append_without_mixing()
    {
        var runs = Enumerable.Range(0, 8).Select(i => Given.Run(Given.Tenant(i), i)).ToList();
        foreach (var run in runs)
            await Journal.CreateAsync(run, _ct);
        await Task.WhenAll(runs.Select(async run =>
        {
            for (var i = 0; i < 25; i++)
                await Journal.AppendAsync(
                    Given.Id(run), i, [new GuestLogged("info", $"{run.Identity.Tenant} {i}")], _ct);
        }));
        foreach (var run in runs)
            Assert.Equal(
                Enumerable.Range(0, 25).Select(i => $"{run.Identity.Tenant} {i}"),
                (await Journal.ReadAsync(Given.Id(run), 0, 100, _ct)).Select(e => ((GuestLogged)e.Data).Message));
    }

    [Fact]
    public async Task A_writer_that_was_overtaken_changes_nothing_any_more()
    {
        var run = Given.Run(Given.Tenant(1));
        await Journal.CreateAsync(run, _ct);
        var mine = await Journal.AppendAsync(Given.Id(run), 0, [new GuestLogged("info", "a")], _ct);
        await Assert.ThrowsAsync<RuntimeErrorException>(async () => await Journal.AppendAsync(
            Given.Id(run), 0, [new GuestLogged("info", "b"), new GuestLogged("info", "c")], _ct));
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(async () => await Journal.TransitionAsync(
            run with { Status = RunStatus.Succeeded, Output = "x" }, 0, new RunSucceeded("x", Totals), _ct));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
        Assert.Contains("Another writer", e.Error.Message, StringComparison.Ordinal);
        Assert.Equal(mine, await Journal.ReadAsync(Given.Id(run), 0, 10, _ct));
        Assert.Equal(run, await Journal.FindAsync(run.Identity.Tenant, Given.Id(run), _ct));
    }

    [Fact]
    public async Task How_a_run_ended_is_never_changed()
    {
        var run = Given.Run(Given.Tenant(1));
        await Journal.CreateAsync(run, _ct);
        var ended = run with { Status = RunStatus.Succeeded, Output = "x" };
        var last = await Journal.TransitionAsync(ended, 0, new RunSucceeded("x", Totals), _ct);
        foreach (var status in new[] { RunStatus.Running, RunStatus.Failed })
        {
            var e = await Assert.ThrowsAsync<RuntimeErrorException>(async () => await Journal.TransitionAsync(
                run with { Status = status }, last.Sequence, new GuestLogged("info", "late"), _ct));
            Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
        }

        Assert.Equal(ended, await Journal.FindAsync(run.Identity.Tenant, Given.Id(run), _ct));
        Assert.Equal([last], await Journal.ReadAsync(Given.Id(run), 0, 10, _ct));
    }

    [Fact]
    public async Task A_cancelled_write_leaves_nothing()
    {
        var run = Given.Run(Given.Tenant(1));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await Journal.CreateAsync(run, new CancellationToken(canceled: true)));
        Assert.Null(await Journal.FindAsync(run.Identity.Tenant, Given.Id(run), _ct));
    }

    private static RunTotals Totals => new(new UsageResource(10, 4, 3), 77, 1.5, 65_536, 2);
}
