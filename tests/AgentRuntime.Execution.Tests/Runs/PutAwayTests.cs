using System.Runtime.CompilerServices;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Managed;
using AgentRuntime.TestKit;

namespace AgentRuntime.Execution.Tests;

/// <summary>Real guests that wait for long: put away as bytes, without a worker, and woken where they were.</summary>
public sealed class PutAwayTests : IAsyncLifetime
{
    private const string Ticket =
        """
        {"id":"TCK-02","customer_id":"CUS-003","customer":"Yuki Tanabe","order_id":"ORD-1003","intent":"refund",
         "amount_cents":4250,"text":"The teapot arrived with a crack."}
        """;

    private readonly WasmSandboxEngine _engine = new(new ManagedWasmEngine(), new(), TimeProvider.System);
    private readonly DirectoryInfo _shelf = Directory.CreateTempSubdirectory("agentruntime-shelf-");
    private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ShopProcess _shop = null!;
    private RunHost _host = null!;

    public async Task InitializeAsync() => _shop = await ShopProcess.StartAsync();

    public async Task DisposeAsync()
    {
        if (_host is not null) await _host.DisposeAsync();
        await _shop.DisposeAsync();
        _engine.Dispose();
        _shelf.Delete(recursive: true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Waiting_guests_give_up_their_worker_and_go_on_where_they_were(bool inFiles)
    {
        await StartAsync(new RunServiceOptions { ShelfFolder = inFiles ? _shelf.FullName : null });
        var runs = new List<RunRecord>();
        for (var i = 0; i < 12; i++) runs.Add(await _host.StartRunAsync("triage", Ticket));

        // One worker, and yet all of them get as far as their question to the model.
        await UntilAsync(() => Volatile.Read(ref _asked) == runs.Count && _host.Service.PutAway == runs.Count
            && _shelf.GetFiles("*.guest").Length == (inFiles ? runs.Count : 0));
        _answered.SetResult();
        foreach (var run in runs)
        {
            var (ended, events) = await _host.EndAsync(run);
            Assert.Equal((RunStatus.Succeeded, null), (ended.Status, ended.Error));
            Assert.Equal("at last", JsonElement.Parse(ended.Output!).GetProperty("reply").GetString());
            Assert.NotEmpty(events.OfType<ToolCompleted>());
            Assert.Empty(events.OfType<RunResumed>());
            Assert.True(Assert.IsType<RunSucceeded>(events[^1]).Totals.MemoryPeakBytes > 0);
        }

        await UntilAsync(() => _host.Service.PutAway == 0);
        Assert.Empty(_shelf.GetFiles());
    }

    [Fact]
    public async Task Only_so_many_guests_become_bytes_at_once()
    {
        var shelf = new GuestShelf(capacity: 10, _shelf.FullName);
        var turns = new List<GuestShelf.Turn>();
        for (var i = 0; i < GuestShelf.AtOnce; i++) turns.Add(await shelf.TurnAsync(default));

        var next = shelf.TurnAsync(default);
        Assert.False(next.IsCompleted);
        turns[0].Dispose();
        (await next).Dispose();
    }

    [Fact]
    public async Task A_guest_that_is_put_away_can_be_cancelled()
    {
        await StartAsync(new RunServiceOptions { ShelfFolder = _shelf.FullName });
        var run = await _host.StartRunAsync("triage", Ticket);
        await UntilAsync(() => _host.Service.PutAway == 1);
        Assert.True(await _host.Service.CancelAsync(_host.Caller.Tenant, run.Identity.Run!.Value, default));
        Assert.Equal(RunStatus.Cancelled, (await _host.EndAsync(run)).Run.Status);
        await UntilAsync(() => _host.Service.PutAway == 0);
        Assert.Empty(_shelf.GetFiles());
    }

    [Fact]
    public async Task When_the_process_ends_the_journal_wakes_a_guest_that_was_put_away()
    {
        await StartAsync(new RunServiceOptions { ShelfFolder = _shelf.FullName });
        var run = await _host.StartRunAsync("triage", Ticket);
        await UntilAsync(() => _host.Service.PutAway == 1);
        await _host.StopWorkersAsync();
        await File.WriteAllTextAsync(Path.Combine(_shelf.FullName, $"{RunId.New(TimeProvider.System)}.guest"), "left");
        _answered.SetResult();

        // Until it begins its work it may yet find that the folder is another's.
        _host.Restart();
        Assert.NotEmpty(_shelf.GetFiles());
        await _host.ResumeAsync();
        Assert.Empty(_shelf.GetFiles());
        _host.Work();
        var (ended, events) = await _host.EndAsync(run);
        Assert.Equal((RunStatus.Succeeded, null), (ended.Status, ended.Error));
        Assert.Single(events.OfType<RunResumed>());
        Assert.Equal(2, events.OfType<ToolStarted>().Count());
    }

    [Fact]
    public async Task A_guest_whose_bytes_were_damaged_ends_its_own_run_only()
    {
        await StartAsync(new RunServiceOptions { ShelfFolder = _shelf.FullName });
        var damaged = await _host.StartRunAsync("triage", Ticket);
        var sound = await _host.StartRunAsync("triage", Ticket);

        // Both have asked the model, so what they are put away in is not a call to a tool that is answered at once.
        var file = Path.Combine(_shelf.FullName, $"{damaged.Identity.Run}.guest");
        await UntilAsync(() =>
            Volatile.Read(ref _asked) == 2 && _host.Service.PutAway == 2 && TryDamage(file));
        _answered.SetResult();
        Assert.Equal(ReasonCodes.InvalidSnapshot, (await _host.EndAsync(damaged)).Run.Error?.Code);
        Assert.Equal(RunStatus.Succeeded, (await _host.EndAsync(sound)).Run.Status);
    }

    [Fact]
    public async Task With_a_full_shelf_guests_wait_in_memory()
    {
        await StartAsync(new RunServiceOptions { ShelfFolder = _shelf.FullName, MaxPutAway = 1, Workers = 2 });
        var runs = new List<RunRecord>();
        for (var i = 0; i < 3; i++) runs.Add(await _host.StartRunAsync("triage", Ticket));
        await UntilAsync(() => _asked >= 2);
        Assert.InRange(_host.Service.PutAway, 0, 1);
        _answered.SetResult();
        foreach (var run in runs) Assert.Equal(RunStatus.Succeeded, (await _host.EndAsync(run)).Run.Status);
    }

    /// <summary>Turns a bit of a file over; false while it is being written.</summary>
    private static bool TryDamage(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            if (stream.Length <= 40)
                return false;
            stream.Seek(-40, SeekOrigin.End);
            var found = stream.ReadByte();
            stream.Seek(-1, SeekOrigin.Current);
            stream.WriteByte((byte)(found ^ 1));
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private int _asked;

    private async Task StartAsync(RunServiceOptions options)
    {
        options = options with
        {
            Workers = options.MaxPutAway == 1 ? options.Workers : 1,
            PutAwayAfter = TimeSpan.FromMilliseconds(20),
        };
        _host = await RunHost.StartAsync(options, work: false);
        _host.RealEngine = _engine;
        _host.Policy.Tenant = new TenantPolicy(new QuotaLimits(), [_shop.Server], ShopProcess.Pins);
        _host.Inference.Answer = (_, token) => LateAsync(token);
        await _host.DeployModuleAsync("triage", await File.ReadAllBytesAsync(
            Path.Combine(Repository.Root, "sandboxes", "guests", "dist", "triage.wasm")));
        _host.Restart();
        _host.Work();
    }

    private async IAsyncEnumerable<InferenceChunk> LateAsync([EnumeratorCancellation] CancellationToken token)
    {
        Interlocked.Increment(ref _asked);
        await _answered.Task.WaitAsync(token);
        yield return new InferenceChunk { Text = "at last" };
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        while (!holds())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, CancellationToken.None);
        }
    }
}
