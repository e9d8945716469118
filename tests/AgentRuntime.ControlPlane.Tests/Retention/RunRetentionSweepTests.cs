using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.ControlPlane.Tests;

public sealed class RunRetentionSweepTests
{
    private static readonly StorageLimits Limits = new()
    {
        MaxRuns = new(1_000), MaxRunAge = TimeSpan.FromDays(7),
    };

    private readonly ManualTime _time = new();
    private readonly Storage _storage = new();

    [Fact]
    public async Task It_goes_on_until_nothing_is_to_go()
    {
        _storage.Pieces = new([256, 256, 3, 0]);
        Assert.Equal(515, await NewSweep().SweepAsync(CancellationToken.None));
        Assert.All(_storage.Asked, a => Assert.Equal(1_000, a.Room.Value));
    }

    [Fact]
    public async Task Runs_are_too_old_once_the_clock_has_gone_steadily()
    {
        var sweep = NewSweep();
        Assert.Null(await BeforeAsync(sweep));
        _time.Advance(RunRetentionSweep.ClockTrust);
        Assert.Equal(_time.GetUtcNow() - TimeSpan.FromDays(7), await BeforeAsync(sweep));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(-400)]
    public async Task A_clock_that_was_set_is_not_believed_at_once(int days)
    {
        var sweep = NewSweep();
        _time.Advance(RunRetentionSweep.ClockTrust);
        Assert.NotNull(await BeforeAsync(sweep));

        _time.Set(TimeSpan.FromDays(days));
        Assert.Null(await BeforeAsync(sweep));
        _time.Advance(RunRetentionSweep.ClockTrust / 2);
        Assert.Null(await BeforeAsync(sweep));

        // Whoever sets it right again loses nothing.
        _time.Set(-TimeSpan.FromDays(days));
        _time.Advance(RunRetentionSweep.ClockTrust / 2);
        Assert.Null(await BeforeAsync(sweep));
        _time.Advance(RunRetentionSweep.ClockTrust);
        Assert.Equal(_time.GetUtcNow() - TimeSpan.FromDays(7), await BeforeAsync(sweep));
    }

    [Fact]
    public async Task A_store_that_fails_is_asked_again_and_somebody_hears_of_it()
    {
        using var end = new CancellationTokenSource();
        var heard = new List<RuntimeError>();
        _storage.Failure = new(ReasonCodes.StorageFailed, "scripted");
        var sweep = new RunRetentionSweep(_storage, Limits, TimeProvider.System, e =>
        {
            heard.Add(e);
            end.Cancel();
        });
        await sweep.RunAsync(end.Token);
        Assert.Equal(_storage.Failure, Assert.Single(heard));
    }

    private RunRetentionSweep NewSweep() => new(_storage, Limits, _time);

    private async Task<DateTimeOffset?> BeforeAsync(RunRetentionSweep sweep)
    {
        await sweep.SweepAsync(CancellationToken.None);
        return _storage.Asked[^1].Before;
    }

    private sealed class Storage : ITenantStorage
    {
        public List<(ByteCount Room, DateTimeOffset? Before)> Asked { get; } = [];

        public Queue<int> Pieces { get; set; } = [];

        public RuntimeError? Failure { get; set; }

        public ValueTask<StorageUse> UseAsync(TenantId tenant, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<int> ForgetRunsAsync(
            ByteCount room, DateTimeOffset? endedBefore, CancellationToken cancellationToken)
        {
            if (Failure is { } failure)
                throw new RuntimeErrorException(failure);
            Asked.Add((room, endedBefore));
            return new(Pieces.TryDequeue(out var some) ? some : 0);
        }
    }
}
