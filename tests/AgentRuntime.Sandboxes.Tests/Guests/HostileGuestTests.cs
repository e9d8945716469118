using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Tests.Scripted;

namespace AgentRuntime.Sandboxes.Tests.Guests;

/// <summary>What guests try that mean harm. Each fails with its own code, and the next guest is served.</summary>
public sealed class HostileGuestTests
{
    private static readonly SandboxLimits Strict = new()
    {
        MaxMemory = ByteCount.FromMebibytes(4),
        MaxCpuTime = TimeSpan.FromMilliseconds(200),
        MaxHostCalls = 1_000,
        MaxLogBytes = new(20_000),
    };

    [Fact]
    public async Task A_guest_that_loops_forever_is_stopped_by_its_cpu_limit()
    {
        var run = await RunAsync("loop");

        Assert.Equal(ReasonCodes.CpuTimeLimit, run.Trap.Code);
        Assert.Contains("spin", run.Trap.Where, StringComparison.Ordinal);
        Assert.InRange(run.Usage.CpuTime, TimeSpan.FromMilliseconds(150), TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_guest_that_loops_in_its_start_function_is_stopped_too()
    {
        var run = await RunAsync("loop-in-start");

        Assert.Equal(ReasonCodes.CpuTimeLimit, run.Trap.Code);
    }

    [Fact]
    public async Task A_guest_that_allocates_without_end_is_told_that_its_memory_is_full()
    {
        var run = await RunAsync("grow", limits: Strict with { MaxCpuTime = TimeSpan.FromSeconds(5) });

        Assert.Equal(ReasonCodes.MemoryLimit, run.Trap.Code);
        Assert.Equal(4 << 20, run.Usage.MemoryPeak.Value);
    }

    [Fact]
    public async Task A_guest_that_recurses_without_end_is_stopped_by_its_call_depth()
    {
        var run = await RunAsync("recurse");

        Assert.Equal(ReasonCodes.StackLimit, run.Trap.Code);
    }

    [Fact]
    public async Task A_guest_that_floods_its_log_is_cut_off_and_then_stopped()
    {
        var run = await RunAsync("flood");

        Assert.Equal(ReasonCodes.HostCallLimit, run.Trap.Code);
        Assert.InRange(run.Log.Sum(l => l.Message.Length), 19_000, 20_200);
        Assert.InRange(run.Usage.LogBytes.Value, 19_000, 20_000);
    }

    [Theory]
    [InlineData("a", "a log line beyond the memory")]
    [InlineData("b", "a length of 4 GiB")]
    [InlineData("c", "a log level that does not exist")]
    [InlineData("d", "a log line that is not UTF-8")]
    [InlineData("e", "a tool's name beyond the memory")]
    [InlineData("f", "a return area that ends beyond the memory")]
    [InlineData("g", "a return area that is not aligned")]
    [InlineData("h", "a list that ends beyond the memory")]
    [InlineData("i", "a list whose size overflows")]
    [InlineData("j", "a role that does not exist")]
    [InlineData("k", "an option that is neither some nor none")]
    [InlineData("l", "a small list that means a gigabyte")]
    [InlineData("m", "a return area of the tool list beyond the memory")]
    [InlineData("n", "a return area of sleep beyond the memory")]
    [InlineData("o", "a setting's key beyond the memory")]
    [InlineData("p", "a return area of a setting beyond the memory")]
    [InlineData("q", "a result beyond the memory")]
    [InlineData("r", "a result that is neither ok nor error")]
    [InlineData("s", "an output of 4 GiB")]
    [InlineData("t", "a scattered write beyond the memory")]
    [InlineData("u", "random bytes beyond the memory")]
    [InlineData("v", "a time beyond the memory")]
    [InlineData("w", "sizes beyond the memory")]
    [InlineData("x", "an output that is not UTF-8")]
    [InlineData("y", "a message whose content ends beyond the memory")]
    public async Task A_lie_about_a_pointer_a_length_or_a_text_traps_the_guest_before_anything_is_done(
        string input, string lie)
    {
        var run = await RunAsync("liar", input);

        Assert.True(
            run.Trap.Code == ReasonCodes.GuestPointer || (input == "s" && run.Trap.Code == ReasonCodes.OutputLimit),
            $"{lie}: {run.Trap}");
        Assert.Empty(run.Calls);
        Assert.Empty(run.Log);
    }

    [Theory]
    [InlineData("z1", "gives a block beyond the memory")]
    [InlineData("z2", "calls the host, which would allocate again")]
    [InlineData("z4", "gives no block")]
    public async Task A_lying_allocator_traps_the_guest_that_it_belongs_to(string input, string lie)
    {
        var run = await RunAsync("liar", input, static _ => new HostCallResult.Tool("an answer"));

        Assert.True(run.Trap.Code == ReasonCodes.GuestPointer, $"{lie}: {run.Trap}");
        Assert.Single(run.Calls);
    }

    [Fact]
    public async Task An_allocator_that_loops_is_stopped_by_the_same_cpu_limit()
    {
        var run = await RunAsync("liar", "z3", static _ => new HostCallResult.Tool("an answer"));

        Assert.Equal(ReasonCodes.CpuTimeLimit, run.Trap.Code);
    }

    [Fact]
    public async Task A_guest_finds_nothing_that_a_neighbour_left()
    {
        for (var i = 0; i < 20; i++)
        {
            var run = await RunAsync("neighbour", i % 3 == 0 ? "g" : "not", limits: new SandboxLimits());

            Assert.Equal("clean", run.Output);
        }
    }

    [Fact]
    public async Task Neighbours_at_the_same_time_see_nothing_of_each_other()
    {
        var runs = await Task.WhenAll(Enumerable.Range(0, 16).Select(i =>
            Task.Run(() => RunAsync("neighbour", i % 2 == 0 ? "g" : "not", limits: new SandboxLimits()))));

        Assert.All(runs, run => Assert.Equal("clean", run.Output));
    }

    [Fact]
    public async Task Whatever_harm_was_tried_the_next_guest_is_served()
    {
        foreach (var name in new[] { "loop", "grow", "recurse", "flood" }) await RunAsync(name);

        var run = await GuestRun.RunAsync(Wasm.Dist("iban"), """{"iban":"DE89370400440532013000"}""");

        Assert.IsType<SandboxStep.Finished>(run.Last);
    }

    private static Task<GuestRun> RunAsync(
        string name, string input = "", Func<HostCall, HostCallResult>? answer = null, SandboxLimits? limits = null) =>
        GuestRun.RunAsync(Wasm.Dist($"hostile/{name}"), input, answer, limits ?? Strict);
}
