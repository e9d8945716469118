using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Tests;

public sealed class WorkPlacesTests : IDisposable
{
    private readonly MemoryBundleStore _store = new();
    private readonly PolicyDecisionPoint _point;
    private readonly TaskCompletionSource<int> _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public WorkPlacesTests() => _point = new(_store, new ManualTime());

    private WorkPlaces Places => _point.Places;

    public void Dispose() => _point.Dispose();

    [Fact]
    public async Task A_tenant_does_not_keep_others_waiting_with_several_questions()
    {
        var first = await HoldAsync(Tenant(1));
        var second = Places.DoAsync(Tenant(1), () => 2, default).AsTask();
        var third = Places.DoAsync(Tenant(1), () => 3, default).AsTask();

        Assert.Equal(4, await Places.DoAsync(Tenant(2), () => 4, default));
        Assert.False(second.IsCompleted || third.IsCompleted);

        _held.SetResult(1);
        Assert.Equal((1, 2, 3), (await first, await second, await third));
    }

    [Fact]
    public async Task Who_leaves_while_waiting_keeps_nobody_waiting()
    {
        var first = await HoldAsync(Tenant(1));
        using var stop = new CancellationTokenSource();
        var second = Places.DoAsync(Tenant(1), () => 2, stop.Token).AsTask();
        var third = Places.DoAsync(Tenant(1), () => 3, default).AsTask();

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        _held.SetResult(1);

        Assert.Equal((1, 3), (await first, await third));
    }

    [Fact]
    public async Task A_tenant_of_which_too_much_waits_is_refused_and_no_other()
    {
        var work = new List<Task<int>> { await HoldAsync(Tenant(1)) };
        for (var i = 1; i < TenantLines.MaxOfTenant; i++)
            work.Add(Places.DoAsync(Tenant(1), () => 0, default).AsTask());

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => Places.DoAsync(Tenant(1), () => 0, default).AsTask());

        Assert.Equal(ReasonCodes.ConcurrencyQuota, refused.Error.Code);
        Assert.Equal(4, await Places.DoAsync(Tenant(2), () => 4, default));
        _held.SetResult(0);
        await Task.WhenAll(work);
        Assert.Equal(5, await Places.DoAsync(Tenant(1), () => 5, default));
    }

    [Fact]
    public async Task Work_that_fails_gives_its_place_back()
    {
        for (var i = 0; i <= WorkPlaces.Count; i++)
            await Assert.ThrowsAsync<InvalidDataException>(
                () => Places.DoAsync(Tenant(1), Fail, default).AsTask());

        Assert.Equal(1, await Places.DoAsync(Tenant(1), () => 1, default));
    }

    [Fact]
    public async Task Whoever_waits_to_compile_keeps_nobody_from_a_change()
    {
        var caller = Calls.Client("demo");
        await _point.ApplyAsync(caller, Sample.Bundle(("README.md", "one")), default);
        await _point.ApplyAsync(caller, Sample.Bundle(("README.md", "two")), default);
        await HoldAsync(Tenant(1));
        await HoldAsync(Tenant(2));

        var rollback = _point.RollbackAsync(caller, null, default).AsTask();
        var validation = _point.ValidateAsync(Tenant(3), Sample.Bundle(), default).AsTask();
        var apply = _point.ApplyAsync(Tenant(4), Sample.Bundle(), default).AsTask();
        var shadow = _point.BeginShadowAsync(caller, Sample.Bundle(), default).AsTask();

        Assert.False(await _point.EndShadowAsync(caller, default));
        Assert.DoesNotContain(new Task[] { rollback, validation, apply, shadow }, t => t.IsCompleted);

        _held.SetResult(0);
        Assert.Equal(3, (await rollback).Version);
        Assert.Empty((await validation).Problems);
        Assert.Equal(1, (await apply).Version);
        Assert.Empty((await shadow).Problems);
    }

    [Fact]
    public async Task A_rollback_goes_back_from_what_is_in_force_when_it_is_made()
    {
        var caller = Calls.Client("demo");
        await _point.ApplyAsync(caller, Sample.Bundle(("README.md", "one")), default);
        var second = await _point.ApplyAsync(caller, Sample.Bundle(("README.md", "two")), default);
        await HoldAsync(Tenant(1));
        await HoldAsync(Tenant(2));
        var rollback = _point.RollbackAsync(caller, null, default).AsTask();
        await _store.PutAsync(
            new(Calls.Tenant, BundleDigest.Of([3]), Sample.Bundle()), new(Calls.Noon, "key:key_2", "apply"), default);

        _held.SetResult(0);

        Assert.Equal(second.Bundle, (await rollback).Bundle);
    }

    private static int Fail() => throw new InvalidDataException();

    private static TenantId Tenant(int number) => new(new Guid(number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));

    // Comes back once the work has its place; the work ends when the test lets it.
    private async Task<Task<int>> HoldAsync(TenantId tenant)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var work = Places.DoAsync(
            tenant,
            () =>
            {
                begun.SetResult();
                return _held.Task;
            },
            default).AsTask();
        await begun.Task;
        return work;
    }
}
