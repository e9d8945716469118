using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Tests;

public sealed class VersionTests : IDisposable
{
    private readonly MemoryBundleStore _store = new();
    private readonly MemoryAuditLog _audit = new();
    private readonly PolicyDecisionPoint _point;

    public VersionTests() => _point = new(_store, new ManualTime(), null, _audit);

    private static WorkIdentity Caller => Calls.Client("demo");

    public void Dispose() => _point.Dispose();

    [Fact]
    public async Task A_rollback_puts_the_bundle_before_in_force_as_a_new_version()
    {
        var first = await ApplyAsync("one");
        await ApplyAsync("two");

        var outcome = await _point.RollbackAsync(Caller, null, CancellationToken.None);

        Assert.Equal((first.Bundle, 3), (outcome.Bundle, outcome.Version));
        Assert.Equal(first.Bundle, _point.Current(Calls.Tenant)!.Digest);
        var history = await _point.HistoryAsync(Calls.Tenant, CancellationToken.None);
        Assert.Equal(["rollback to 1", "apply", "apply"], history.Select(v => v.Origin.Cause));
        Assert.All(history, v => Assert.Equal("key:key_1", v.Origin.Principal));
        Assert.Equal(
            [("apply", 1), ("apply", 2), ("rollback to 1", 3)],
            _audit.Entries.OfType<PolicyChanged>().Select(c => (c.Cause, c.Version!.Value)));
    }

    [Fact]
    public async Task A_rollback_to_a_version_takes_that_one_and_survives_a_restart()
    {
        await ApplyAsync("one");
        var second = await ApplyAsync("two");
        await ApplyAsync("three");

        await _point.RollbackAsync(Caller, 2, CancellationToken.None);

        using var restarted = new PolicyDecisionPoint(_store, TimeProvider.System);
        await restarted.LoadAsync(CancellationToken.None);
        Assert.Equal(second.Bundle, _point.Current(Calls.Tenant)!.Digest);
        Assert.Equal(second.Bundle, restarted.Current(Calls.Tenant)!.Digest);
    }

    [Fact]
    public async Task A_rollback_without_a_version_goes_to_another_content()
    {
        var first = await ApplyAsync("one");
        await ApplyAsync("two");
        await ApplyAsync("two");

        Assert.Equal(first.Bundle, (await _point.RollbackAsync(Caller, null, CancellationToken.None)).Bundle);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(7)]
    public async Task A_rollback_to_nothing_is_refused(int? version)
    {
        await ApplyAsync("one");

        var e = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await _point.RollbackAsync(Caller, version, CancellationToken.None));

        Assert.Equal(ReasonCodes.UnknownBundleVersion, e.Error.Code);
    }

    [Fact]
    public async Task An_earlier_bundle_that_is_above_the_platforms_ceiling_now_does_not_come_back()
    {
        await ApplyAsync("one");
        await ApplyAsync("two");
        using var stricter = new PolicyDecisionPoint(
            _store, TimeProvider.System, new() { QuotaCeiling = new() { ConcurrentRuns = 1 } });

        var outcome = await stricter.RollbackAsync(Caller, 1, CancellationToken.None);

        Assert.Contains("concurrent_runs", Assert.Single(outcome.Problems).Message, StringComparison.Ordinal);
        Assert.Equal(2, (await _point.HistoryAsync(Calls.Tenant, CancellationToken.None)).Count);
    }

    [Fact]
    public async Task Work_that_is_continued_after_a_restart_finds_the_bundle_that_it_started_with()
    {
        var first = await ApplyAsync("one");
        await ApplyAsync("two");
        using var restarted = new PolicyDecisionPoint(_store, TimeProvider.System);
        await restarted.LoadAsync(CancellationToken.None);

        var found = await restarted.FindAsync(Calls.Tenant, first.Bundle!.Value, CancellationToken.None);

        Assert.Equal(first.Bundle, found!.Digest);
        Assert.Equal(first.Bundle, found.Open(Calls.Agent("demo/clerk")).Decide(Calls.Tool("shop/erase")).Bundle);
        Assert.Same(found, await restarted.FindAsync(Calls.Tenant, first.Bundle.Value, CancellationToken.None));
        Assert.Null(await restarted.FindAsync(Calls.Tenant, BundleDigest.Of([1]), CancellationToken.None));
    }

    [Fact]
    public async Task A_change_that_another_process_made_is_taken_over()
    {
        using var other = new PolicyDecisionPoint(_store, TimeProvider.System);
        await ApplyAsync("one");
        await other.LoadAsync(CancellationToken.None);
        var second = await ApplyAsync("two");

        await other.LoadAsync(CancellationToken.None);

        Assert.Equal(second.Bundle, other.Current(Calls.Tenant)!.Digest);
    }

    private ValueTask<ApplyOutcome> ApplyAsync(string text) =>
        _point.ApplyAsync(Caller, Sample.Bundle(("README.md", text)), CancellationToken.None);
}
