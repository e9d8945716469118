using System.Buffers;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Scripted;
using AgentRuntime.TestKit;

namespace AgentRuntime.Sandboxes.Tests.Guests;

/// <summary>Guests that are put away as bytes while they wait.</summary>
public sealed class SnapshotTests
{
    private const string Ticket = """
        {"id":"T","customer_id":"CUS-003","customer":"Yuki","order_id":"ORD-1003","intent":"refund",
         "amount_cents":4250,"text":"It leaks."}
        """;

    [Theory]
    [InlineData("triage", Ticket)]
    [InlineData("digest", "one two\nthree")]
    [InlineData("assistant", "where is it?")]
    public async Task A_guest_that_is_put_away_at_every_call_ends_as_one_that_was_not(string name, string input)
    {
        var straight = await GuestRun.RunAsync(Wasm.Dist(name), input);
        var log = new RecordedLog();
        var calls = new List<string>();
        var module = await GuestRun.CompileAsync(Wasm.Dist(name));
        var sandbox = module.Instantiate(new(), log);

        var step = await sandbox.StartAsync(input, default);
        while (step is SandboxStep.Blocked blocked)
        {
            calls.Add(blocked.Call.ToString());
            var snapshot = Snapshot(sandbox);
            await sandbox.DisposeAsync();
            sandbox = module.Restore(snapshot, new(), log, new Dictionary<string, string>(StringComparer.Ordinal));
            step = await sandbox.ResumeAsync(GuestRun.Answers(blocked.Call), default);
        }

        Assert.Equal(straight.Last, step);
        Assert.Equal(straight.Calls.Select(c => c.ToString()), calls);
        Assert.Equal(straight.Log, log.Lines);
        Assert.Equal(straight.Usage.HostCalls, sandbox.Usage.HostCalls);
        Assert.Equal(straight.Usage.LogBytes, sandbox.Usage.LogBytes);
        await sandbox.DisposeAsync();
    }

    [Fact]
    public async Task A_guest_goes_on_in_an_engine_that_never_saw_it_before()
    {
        var first = await (await GuestRun.CompileAsync(Wasm.Dist("triage"))).StartedAsync(Ticket);
        var bytes = Snapshot(first);
        await first.DisposeAsync();
        using var engine = new WasmSandboxEngine(
            ChosenEngine.Create(),
            new() { Compile = new() { MaxTime = TimeSpan.FromMinutes(2) } },
            TimeProvider.System);
        var module = await engine.CompileAsync(Wasm.Dist("triage"), default);

        await using var second = module.Restore(bytes, new(), new RecordedLog(), ModuleSections.NoSettings);
        var refund = await second.ResumeAsync(new HostCallResult.Tool("{}"), default);

        var call = Assert.IsType<HostCall.CallTool>(Assert.IsType<SandboxStep.Blocked>(refund).Call);
        Assert.Equal("shop/refund", call.Name);
        Assert.Equal(4250, JsonDocument.Parse(call.ArgumentsJson).RootElement.GetProperty("amount_cents").GetInt32());
    }

    [Fact]
    public async Task A_snapshot_does_not_disturb_the_guest_that_it_is_of()
    {
        await using var sandbox = await (await GuestRun.CompileAsync(Wasm.Dist("digest"))).StartedAsync("one two");

        Snapshot(sandbox);

        Assert.Equal(
            new SandboxStep.Finished("1 lines, 2 words. Dear customer, grüße (1 messages)."),
            await sandbox.ResumeAsync(GuestRun.Answers(new HostCall.Chat([new(ChatRole.User, "")], new())), default));
    }

    [Fact]
    public async Task Only_a_waiting_guest_can_be_put_away()
    {
        var module = await GuestRun.CompileAsync(Wasm.Dist("iban"));
        await using var sandbox = module.Instantiate(new(), new RecordedLog());

        Assert.Throws<InvalidOperationException>(() => Snapshot(sandbox));
        await sandbox.StartAsync("{}", default);

        Assert.Throws<InvalidOperationException>(() => Snapshot(sandbox));
    }

    [Fact]
    public async Task A_snapshot_that_is_damaged_cut_or_of_another_module_is_refused_with_its_code()
    {
        var module = await GuestRun.CompileAsync(Wasm.Dist("triage"));
        var other = await GuestRun.CompileAsync(Wasm.Dist("digest"));
        await using var sandbox = await module.StartedAsync(Ticket);
        var snapshot = Snapshot(sandbox);

        Assert.Equal(ReasonCodes.InvalidSnapshot, Refused(other, snapshot));
        for (var length = 0; length < snapshot.Length; length += 61)
        {
            Assert.Equal(ReasonCodes.InvalidSnapshot, Refused(module, snapshot[..length]));
        }
        for (var at = 0; at < snapshot.Length; at += 61)
        {
            var damaged = snapshot.ToArray();
            damaged[at] ^= 0x10;
            Assert.Equal(ReasonCodes.InvalidSnapshot, Refused(module, damaged));
        }
    }

    [Fact]
    public async Task What_was_used_before_counts_after()
    {
        var module = await GuestRun.CompileAsync(Wasm.Dist("triage"));
        await using var sandbox = await module.StartedAsync(Ticket);

        await using var restored = module.Restore(
            Snapshot(sandbox), new SandboxLimits { MaxHostCalls = 2 }, new RecordedLog(), ModuleSections.NoSettings);
        var step = await restored.ResumeAsync(new HostCallResult.Tool("{}"), default);

        Assert.Equal(ReasonCodes.HostCallLimit, Assert.IsType<SandboxStep.Trapped>(step).Error.Code);
    }

    private static byte[] Snapshot(ISandbox sandbox)
    {
        var bytes = new ArrayBufferWriter<byte>();
        sandbox.WriteSnapshot(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    private static ReasonCode Refused(ISandboxModule module, byte[] snapshot) =>
        Assert.Throws<RuntimeErrorException>(() =>
            module.Restore(snapshot, new(), new RecordedLog(), ModuleSections.NoSettings)).Error.Code;
}

/// <summary>Shortens tests.</summary>
internal static class StartedSandbox
{
    /// <summary>A guest of the module that waits in its first host call.</summary>
    public static async Task<ISandbox> StartedAsync(this ISandboxModule module, string input)
    {
        var sandbox = module.Instantiate(new(), new RecordedLog());
        Assert.IsType<SandboxStep.Blocked>(await sandbox.StartAsync(input, default));
        return sandbox;
    }
}
