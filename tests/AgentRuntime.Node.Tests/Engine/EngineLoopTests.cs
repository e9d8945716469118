using AgentRuntime.Abstractions;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Simulation;

namespace AgentRuntime.Node.Tests.Engine;

public sealed class EngineLoopTests
{
    [Fact]
    public async Task A_request_at_which_the_engine_fails_hears_of_it()
    {
        var options = new NodeOptions { ModelPath = "simulated", Simulation = new(), ContextTokens = 1024 };
        using var model = new SimulatedModel(options.Simulation!, TimeProvider.System);
        using var engine = new EngineLoop(model, options, TimeProvider.System);
        // No request that was read is without a prompt.
        var generation = engine.Submit(new(null!, 4, new()));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var end = await generation.Events.ReadAsync(deadline.Token);

        Assert.Equal(ReasonCodes.EngineFailed, end.End!.Error!.Code);
        await engine.Stopped.WaitAsync(deadline.Token);
        Assert.Throws<RuntimeErrorException>(() => engine.Submit(new([1], 4, new())));
    }
}
