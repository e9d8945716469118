using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Scripted;

namespace AgentRuntime.Sandboxes.Tests.Running;

/// <summary>
/// The life of a sandbox, on engines that give the thread of a waiting guest back and on those that do not.
/// </summary>
public abstract class SandboxLifeTests(bool suspends)
{
    private static readonly WasmValueType I32 = WasmValueType.I32;

    private static readonly IReadOnlyList<WasmImport> CallTool =
    [
        new("agentruntime:agent/tools@0.1.0", "call", ExternKind.Function, new([I32, I32, I32, I32, I32], [])),
        new("agentruntime:agent/log@0.1.0", "write", ExternKind.Function, new([I32, I32, I32], [])),
        new("wasi_snapshot_preview1", "fd_write", ExternKind.Function, new([I32, I32, I32, I32], [I32])),
    ];

    private readonly RecordedLog _log = new();

    [Fact]
    public async Task A_guest_that_asks_for_nothing_finishes_with_its_output()
    {
        await using var sandbox = await SandboxAsync(guest => guest.Ok($"{guest.Input}!"));

        Assert.Equal(new SandboxStep.Finished("héllo!"), await sandbox.StartAsync("héllo", default));
    }

    [Fact]
    public async Task An_error_of_the_guest_is_told_from_its_output()
    {
        await using var sandbox = await SandboxAsync(static guest => guest.Err("no"));

        Assert.Equal(new SandboxStep.Failed("no"), await sandbox.StartAsync("", default));
    }

    [Fact]
    public async Task A_guest_goes_on_with_the_answers_to_its_calls()
    {
        await using var sandbox = await SandboxAsync(static guest =>
            guest.Ok(CallAndRead(guest, "a") + CallAndRead(guest, "b")));

        var first = await sandbox.StartAsync("", default);
        var second = await sandbox.ResumeAsync(new HostCallResult.Tool("one "), default);
        var refusal = new RuntimeError(ReasonCodes.DefaultDeny, "No rule allows it", "shop/x");
        var last = await sandbox.ResumeAsync(new HostCallResult.Refused(refusal), default);

        Assert.Equal(new SandboxStep.Blocked(new HostCall.CallTool("a", "{}")), first);
        Assert.Equal(new SandboxStep.Blocked(new HostCall.CallTool("b", "{}")), second);
        Assert.Equal(new SandboxStep.Finished("one refused AR2002: No rule allows it at shop/x"), last);
        Assert.Equal(2, sandbox.Usage.HostCalls);
    }

    [Fact]
    public async Task An_answer_that_does_not_fit_the_call_is_the_callers_mistake_and_changes_nothing()
    {
        await using var sandbox = await SandboxAsync(static guest => guest.Ok(CallAndRead(guest, "a")));
        await sandbox.StartAsync("", default);

        await Assert.ThrowsAsync<ArgumentException>(async () =>
            await sandbox.ResumeAsync(new HostCallResult.Slept(), default));

        Assert.Equal(
            new SandboxStep.Finished("fine"), await sandbox.ResumeAsync(new HostCallResult.Tool("fine"), default));
    }

    [Fact]
    public async Task A_sandbox_is_started_once_and_resumed_only_while_it_waits()
    {
        await using var sandbox = await SandboxAsync(static guest => guest.Ok("done"));
        var answer = new HostCallResult.Tool("");

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await sandbox.ResumeAsync(answer, default));
        await sandbox.StartAsync("", default);

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await sandbox.StartAsync("", default));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await sandbox.ResumeAsync(answer, default));
    }

    [Fact]
    public async Task A_running_guest_can_be_stopped_from_another_thread()
    {
        using var running = new ManualResetEventSlim();
        await using var sandbox = await SandboxAsync(guest =>
        {
            running.Set();
            return guest.Spin();
        });
        var step = sandbox.StartAsync("", default).AsTask();
        running.Wait();

        sandbox.Stop("the run was cancelled");

        var trapped = Assert.IsType<SandboxStep.Trapped>(await step);
        Assert.Equal(ReasonCodes.Stopped, trapped.Error.Code);
        Assert.Contains("the run was cancelled", trapped.Error.Message, StringComparison.Ordinal);
        Assert.Equal("function 'script' (#7), offset 0x2a", trapped.Error.Where);
    }

    [Fact]
    public async Task A_guest_that_is_stopped_while_it_waits_does_not_go_on()
    {
        await using var sandbox = await SandboxAsync(static guest => guest.Ok(CallAndRead(guest, "a")));
        await sandbox.StartAsync("", default);

        sandbox.Stop("enough");

        var trapped = Assert.IsType<SandboxStep.Trapped>(
            await sandbox.ResumeAsync(new HostCallResult.Tool("late"), default));
        Assert.Equal(ReasonCodes.Stopped, trapped.Error.Code);
    }

    [Fact]
    public async Task A_guest_that_is_stopped_before_it_starts_never_runs()
    {
        var ran = false;
        await using var sandbox = await SandboxAsync(guest =>
        {
            ran = true;
            return guest.Ok("");
        });
        sandbox.Stop("never mind");

        var trapped = Assert.IsType<SandboxStep.Trapped>(await sandbox.StartAsync("", default));

        Assert.Equal(ReasonCodes.Stopped, trapped.Error.Code);
        Assert.False(ran);
    }

    [Fact]
    public async Task A_caller_that_gives_up_ends_the_guest()
    {
        using var running = new ManualResetEventSlim();
        using var givingUp = new CancellationTokenSource();
        await using var sandbox = await SandboxAsync(guest =>
        {
            running.Set();
            return guest.Spin();
        });
        var step = sandbox.StartAsync("", givingUp.Token).AsTask();
        running.Wait();

        await givingUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => step);
    }

    [Fact]
    public async Task A_waiting_guest_can_be_thrown_away_and_its_instance_goes_back()
    {
        var module = new ScriptedModule(static guest => guest.Ok(CallAndRead(guest, "a"))) { Imports = CallTool };
        var sandbox = await SandboxAsync(module);
        await sandbox.StartAsync("", default);

        await sandbox.DisposeAsync();
        await sandbox.DisposeAsync();

        Assert.True(Assert.Single(module.Instances).Disposed);
    }

    [Fact]
    public async Task A_host_call_out_of_an_allocation_is_refused_before_it_recurses()
    {
        var module = new ScriptedModule(static guest => guest.Ok(""))
        {
            Imports = CallTool,
            Realloc = static (guest, _) => (uint)guest.Import(1, 1, 0, 0),
        };
        await using var sandbox = await SandboxAsync(module);

        var trapped = Assert.IsType<SandboxStep.Trapped>(await sandbox.StartAsync("input", default));

        Assert.Equal(ReasonCodes.GuestPointer, trapped.Error.Code);
    }

    [Fact]
    public async Task An_input_or_an_answer_beyond_the_limit_of_texts_is_refused()
    {
        var limits = new SandboxLimits { MaxStringBytes = new(100) };
        await using var sandbox = await SandboxAsync(static guest => guest.Ok(CallAndRead(guest, "a")[..15]), limits);
        await using var other = await SandboxAsync(static guest => guest.Ok(guest.Input), limits);

        await sandbox.StartAsync("", default);
        var answered = await sandbox.ResumeAsync(new HostCallResult.Tool(new string('x', 101)), default);
        var input = Assert.IsType<SandboxStep.Trapped>(await other.StartAsync(new string('x', 101), default));

        Assert.Equal(new SandboxStep.Finished("refused AR3012:"), answered);
        Assert.Equal(ReasonCodes.InputTooLarge, input.Error.Code);
    }

    [Fact]
    public async Task A_guest_that_never_stops_calling_is_stopped_by_its_host_call_limit()
    {
        await using var sandbox = await SandboxAsync(
            static guest =>
            {
                while (true) guest.Import(1, 1, 0, 0);
            },
            new SandboxLimits { MaxHostCalls = 50 });

        var trapped = Assert.IsType<SandboxStep.Trapped>(await sandbox.StartAsync("", default));

        Assert.Equal(ReasonCodes.HostCallLimit, trapped.Error.Code);
        Assert.Equal(50, _log.Lines.Count);
    }

    [Theory]
    [InlineData(50, 50, true)]
    [InlineData(51, 50, false)]
    public async Task Lines_that_one_call_writes_count_as_host_calls(int lines, int logged, bool finishes)
    {
        await using var sandbox = await SandboxAsync(
            guest =>
            {
                var (address, length) = guest.Put(new string('\n', lines));
                // In two pieces, as libraries write.
                var vectors = guest.Bump(16);
                BitConverter.TryWriteBytes(guest.Slice(vectors, 4), address);
                BitConverter.TryWriteBytes(guest.Slice(vectors + 4, 4), 20);
                BitConverter.TryWriteBytes(guest.Slice(vectors + 8, 4), address + 20);
                BitConverter.TryWriteBytes(guest.Slice(vectors + 12, 4), length - 20);
                guest.Import(2, 1, (int)vectors, 2, (int)guest.Bump(4));
                return guest.Ok("done");
            },
            new SandboxLimits { MaxHostCalls = 50 });

        var step = await sandbox.StartAsync("", default);

        ReasonCode? expected = finishes ? null : ReasonCodes.HostCallLimit;
        Assert.Equal(expected, (step as SandboxStep.Trapped)?.Error.Code);
        Assert.Equal(logged, _log.Lines.Count);
    }

    [Fact]
    public async Task A_bug_of_the_host_is_not_taken_for_a_trap_of_the_guest()
    {
        await using var sandbox = await SandboxAsync(static _ => throw new DivideByZeroException("a bug"));

        await Assert.ThrowsAsync<DivideByZeroException>(async () => await sandbox.StartAsync("", default));
    }

    [Fact]
    public async Task Guests_wait_for_a_thread_when_all_are_at_work_and_too_many_are_turned_away()
    {
        var options = new SandboxEngineOptions { MaxGuestThreads = 1, MaxWaitingGuests = 1 };
        using var running = new ManualResetEventSlim();
        var module = new ScriptedModule(guest =>
        {
            if (guest.Input != "first") return guest.Ok("second");
            running.Set();
            return guest.Spin();
        });
        var compiled = await CompileAsync(module, options);
        await using var first = compiled.Instantiate(new(), _log);
        await using var second = compiled.Instantiate(new(), _log);
        await using var third = compiled.Instantiate(new(), _log);

        var firstStep = first.StartAsync("first", default).AsTask();
        running.Wait();
        var secondStep = second.StartAsync("second", default).AsTask();
        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(async () => await third.StartAsync("", default));
        var secondWaited = !secondStep.IsCompleted;
        first.Stop("make room");

        Assert.IsType<SandboxStep.Trapped>(await firstStep);
        Assert.Equal(new SandboxStep.Finished("second"), await secondStep);
        Assert.True(secondWaited);
        Assert.Equal(ReasonCodes.SandboxBusy, refused.Error.Code);
    }

    private static string CallAndRead(ScriptedInstance guest, string tool)
    {
        var (name, nameLength) = guest.Put(tool);
        var (json, jsonLength) = guest.Put("{}");
        var area = guest.Bump(44);
        guest.Import(0, name, nameLength, json, jsonLength, (int)area);
        return guest.Slice(area, 1)[0] == 0
            ? guest.Text(area + 4)
            : $"refused {guest.Text(area + 4)}: {guest.Text(area + 12)}"
                + (guest.Slice(area + 20, 1)[0] == 1 ? $" at {guest.Text(area + 24)}" : "");
    }

    private Task<ISandbox> SandboxAsync(Func<ScriptedInstance, int> run, SandboxLimits? limits = null) =>
        SandboxAsync(new ScriptedModule(run) { Imports = CallTool }, limits);

    private async Task<ISandbox> SandboxAsync(ScriptedModule module, SandboxLimits? limits = null) =>
        (await CompileAsync(module, new())).Instantiate(limits ?? new(), _log);

    private async Task<ISandboxModule> CompileAsync(ScriptedModule module, SandboxEngineOptions options) =>
        await new WasmSandboxEngine(new ScriptedEngine(suspends) { Module = module }, options, TimeProvider.System)
            .CompileAsync(ScriptedEngine.Bytes(), default);
}

/// <summary>On an engine that unwinds a waiting guest.</summary>
public sealed class SuspendingSandboxTests() : SandboxLifeTests(suspends: true);

/// <summary>On an engine whose waiting guest keeps its thread.</summary>
public sealed class ThreadHoldingSandboxTests() : SandboxLifeTests(suspends: false);
