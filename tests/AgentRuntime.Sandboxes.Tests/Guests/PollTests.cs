using System.Buffers;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Tests.Scripted;

namespace AgentRuntime.Sandboxes.Tests.Guests;

/// <summary><c>poll_oneoff</c>, with which C and Rust libraries sleep.</summary>
public sealed class PollTests
{
    [Fact]
    public async Task A_guest_that_polls_a_clock_waits_like_one_that_sleeps()
    {
        var run = await RunAsync("s");

        Assert.Equal("010", run.Output);
        Assert.Equal(new HostCall.Sleep(TimeSpan.FromMilliseconds(250)), Assert.Single(run.Calls));
    }

    [Fact]
    public async Task A_guest_that_waits_in_poll_can_be_put_away_as_bytes()
    {
        var module = await GuestRun.CompileAsync(Wasm.Dist("hostile/poll"));
        var bytes = new ArrayBufferWriter<byte>();
        await using (var sandbox = module.Instantiate(new(), new RecordedLog()))
        {
            Assert.IsType<SandboxStep.Blocked>(await sandbox.StartAsync("s", default));
            sandbox.WriteSnapshot(bytes);
        }

        await using var woken = module.Restore(
            bytes.WrittenSpan, new(), new RecordedLog(), new Dictionary<string, string>());
        var step = await woken.ResumeAsync(new HostCallResult.Slept(), default);

        Assert.Equal("010", Assert.IsType<SandboxStep.Finished>(step).Output);
    }

    [Fact]
    public async Task A_wait_that_is_refused_is_an_error_number()
    {
        var run = await RunAsync("s", _ => GuestRun.Refuse(ReasonCodes.DefaultDeny, "no waiting", "timer"));

        Assert.Equal((char)('0' + 76), run.Output[0]);
    }

    [Theory]
    [InlineData("o", "012")]
    [InlineData("d", "011")]
    [InlineData("c", "010")]
    [InlineData("n", "L00")]
    [InlineData("m", "L00")]
    public async Task What_is_ready_or_wrong_is_answered_at_once(string how, string answer)
    {
        var run = await RunAsync(how);

        Assert.Equal(answer, run.Output);
        Assert.Empty(run.Calls);
    }

    [Theory]
    [InlineData("i")]
    [InlineData("e")]
    [InlineData("x")]
    public async Task Pointers_beyond_the_memory_trap(string how)
    {
        var run = await RunAsync(how);

        Assert.Equal(ReasonCodes.GuestPointer, run.Trap.Code);
    }

    private static Task<GuestRun> RunAsync(string how, Func<HostCall, HostCallResult>? answer = null) =>
        GuestRun.RunAsync(Wasm.Dist("hostile/poll"), how, answer);
}
