using System.Threading.Channels;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>Runs whose module is not compiled yet, or not any more.</summary>
public sealed class RunCompilationTests
{
    private readonly Channel<string> _begun = Channel.CreateUnbounded<string>();
    private readonly TaskCompletionSource _slow = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task Modules_of_a_tenants_runs_are_compiled_one_after_the_other()
    {
        await using var host = await HostAsync();
        Assert.Equal(RunStatus.Succeeded, (await host.EndAsync(await host.StartRunAsync("fast"))).Run.Status);
        Assert.Equal("fast", await NextAsync());

        var first = await host.StartRunAsync("slow-1");
        Assert.Equal("slow-1", await NextAsync());
        var second = await host.StartRunAsync("slow-2");
        // Time enough for the second to begin.
        for (var i = 0; i < 3; i++) await host.EndAsync(await host.StartRunAsync("fast"));
        Assert.False(_begun.Reader.TryPeek(out _));
        _slow.SetResult();

        Assert.Equal("slow-2", await NextAsync());
        Assert.Equal(RunStatus.Succeeded, (await host.EndAsync(first)).Run.Status);
        Assert.Equal(RunStatus.Succeeded, (await host.EndAsync(second)).Run.Status);
    }

    [Fact]
    public async Task A_run_whose_module_is_kept_waits_for_no_compilation()
    {
        await using var host = await HostAsync();
        Assert.Equal(RunStatus.Succeeded, (await host.EndAsync(await host.StartRunAsync("fast"))).Run.Status);
        Assert.Equal("fast", await NextAsync());

        var slow = await host.StartRunAsync("slow-1");
        Assert.Equal("slow-1", await NextAsync());
        var fast = await host.EndAsync(await host.StartRunAsync("fast"));

        Assert.Equal(RunStatus.Succeeded, fast.Run.Status);
        _slow.SetResult();
        Assert.Equal(RunStatus.Succeeded, (await host.EndAsync(slow)).Run.Status);
    }

    [Fact]
    public async Task Code_with_fuel_for_a_module_that_is_kept_waits_for_its_turn()
    {
        await using var host = await HostAsync();
        foreach (var name in new[] { "fast", "other" })
        {
            Assert.Equal(RunStatus.Succeeded, (await host.EndAsync(await host.StartRunAsync(name))).Run.Status);
            Assert.Equal(name, await NextAsync());
        }

        var slow = await host.StartRunAsync("slow-1");
        Assert.Equal("slow-1", await NextAsync());
        host.Policy.Limits = new SandboxLimits { Fuel = 1_000 };
        var fuel = await host.StartRunAsync("fast");
        host.Policy.Limits = new SandboxLimits();
        // Time enough for it to begin.
        for (var i = 0; i < 3; i++) await host.EndAsync(await host.StartRunAsync("other"));
        Assert.False(_begun.Reader.TryPeek(out _));
        _slow.SetResult();

        Assert.Equal("fast fuel", await NextAsync());
        Assert.Equal(RunStatus.Succeeded, (await host.EndAsync(slow)).Run.Status);
        Assert.Equal(RunStatus.Succeeded, (await host.EndAsync(fuel)).Run.Status);
    }

    private static Task<string> Nothing(string input, ScriptedGuest guest) => Task.FromResult("");

    private async Task<RunHost> HostAsync()
    {
        var host = await RunHost.StartAsync();
        foreach (var name in new[] { "fast", "other", "slow-1", "slow-2" }) await host.DeployAsync(name, Nothing);
        host.Engine.Compiling = async name =>
        {
            await _begun.Writer.WriteAsync(name);
            if (name.StartsWith("slow", StringComparison.Ordinal)) await _slow.Task;
        };
        return host;
    }

    private async Task<string> NextAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        return await _begun.Reader.ReadAsync(patience.Token);
    }
}
