namespace AgentRuntime.Node.Tests.Serving;

/// <summary>One node for the tests of a class.</summary>
public sealed class ServingFixture : IAsyncLifetime
{
    public NodeServer Node { get; private set; } = null!;

    public async Task InitializeAsync() => Node = await DemoNode.StartAsync();

    public async Task DisposeAsync() => await Node.DisposeAsync();
}
