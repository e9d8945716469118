namespace AgentRuntime.Abstractions.Tests;

public sealed class TenantLinesTests : IDisposable
{
    private readonly TenantLines _lines = new(2, "deployments");
    private readonly TaskCompletionSource<int> _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Dispose() => _lines.Dispose();

    [Fact]
    public async Task A_tenants_work_is_done_one_after_the_other_beside_that_of_others()
    {
        using var first = _lines.Join(Tenant(1));
        using var second = _lines.Join(Tenant(1));
        using var other = _lines.Join(Tenant(2));
        var held = first.DoAsync(() => _held.Task, default);
        var waiting = second.DoAsync(() => Task.FromResult(2), default);

        Assert.Equal(3, await other.DoAsync(() => Task.FromResult(3), default));
        Assert.False(waiting.IsCompleted);
        _held.SetResult(1);
        Assert.Equal((1, 2), (await held, await waiting));
    }

    [Fact]
    public async Task Work_that_cannot_begin_leaves_its_turn_to_the_next()
    {
        using var lines = new TenantLines(1, "deployments");
        using var failing = lines.Join(Tenant(1));
        using var next = lines.Join(Tenant(1));
        using var other = lines.Join(Tenant(2));

        await Assert.ThrowsAsync<FormatException>(() => failing.DoAsync(
            () => Task.FromException(new FormatException()), () => _held.Task, default));

        Assert.Equal(2, await next.DoAsync(() => Task.FromResult(2), default));
        Assert.Equal(3, await other.DoAsync(() => Task.FromResult(3), default));
    }

    [Fact]
    public async Task Work_begins_when_its_turn_has_come()
    {
        using var first = _lines.Join(Tenant(1));
        using var second = _lines.Join(Tenant(1));
        var held = first.DoAsync(() => _held.Task, default);
        var begun = new List<int>();
        var waiting = second.DoAsync(
            () =>
            {
                begun.Add(1);
                return Task.CompletedTask;
            },
            () => Task.FromResult(begun.Count),
            default);

        Assert.Empty(begun);
        _held.SetResult(1);
        Assert.Equal((1, 1), (await held, await waiting));
    }

    [Fact]
    public async Task Work_that_is_given_up_keeps_its_place_until_it_is_over()
    {
        using var lines = new TenantLines(1, "deployments");
        using var givingUp = new CancellationTokenSource();
        var held = lines.Join(Tenant(1));
        var abandoned = held.DoAsync(() => _held.Task, givingUp.Token);
        using var next = lines.Join(Tenant(1));
        using var other = lines.Join(Tenant(2));
        var waiting = next.DoAsync(() => Task.FromResult(2), default);
        var others = other.DoAsync(() => Task.FromResult(3), default);

        await givingUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned);
        held.Dispose();

        Assert.False(waiting.IsCompleted || others.IsCompleted);
        _held.SetResult(1);
        Assert.Equal((2, 3), (await waiting, await others));
    }

    [Fact]
    public async Task Work_that_is_given_up_counts_until_it_is_over()
    {
        using var lines = new TenantLines(1, "deployments", mostOfTenant: 1);
        using var givingUp = new CancellationTokenSource();
        var held = lines.Join(Tenant(1));
        var abandoned = held.DoAsync(() => _held.Task, givingUp.Token);
        await givingUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned);
        held.Dispose();

        Assert.Throws<RuntimeErrorException>(() => lines.Join(Tenant(1)));
        _held.SetResult(1);
        using var other = lines.Join(Tenant(2));
        // In line behind it, and done after it has left.
        Assert.Equal(2, await other.DoAsync(() => Task.FromResult(2), default));
        using var again = lines.Join(Tenant(1));
    }

    [Fact]
    public async Task Of_one_tenant_no_more_waits_than_may()
    {
        var visits = Enumerable.Range(0, TenantLines.MaxOfTenant).Select(_ => _lines.Join(Tenant(1))).ToList();

        var refused = Assert.Throws<RuntimeErrorException>(() => _lines.Join(Tenant(1)));
        using var other = _lines.Join(Tenant(2));
        visits[0].Dispose();
        using var next = _lines.Join(Tenant(1));

        Assert.Equal(ReasonCodes.ConcurrencyQuota, refused.Error.Code);
        Assert.Contains("16 deployments", refused.Error.Message, StringComparison.Ordinal);
        Assert.Equal(1, await next.DoAsync(() => Task.FromResult(1), default));
    }

    [Fact]
    public void How_much_of_one_tenant_waits_may_be_told()
    {
        using var lines = new TenantLines(1, "large requests", mostOfTenant: 1);
        using var only = lines.Join(Tenant(1));

        var refused = Assert.Throws<RuntimeErrorException>(() => lines.Join(Tenant(1)));

        Assert.Contains("1 large requests", refused.Error.Message, StringComparison.Ordinal);
    }

    private static TenantId Tenant(int number) => new(new Guid(number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
}
