using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Models;

public sealed class CancelledLoadTests
{
    [Fact]
    public void Llama_cpp_is_told_to_stop_and_loads_the_same_file_afterwards()
    {
        DemoNode.LoadLibrary();
        var cancelled = new CancellationToken(canceled: true);
        Assert.Throws<OperationCanceledException>(() => LoadedModel.Load(DemoNode.Options, cancelled));

        using var model = LoadedModel.Load(DemoNode.Options, CancellationToken.None);
        Assert.NotEmpty(model.Tokenize("the river", addSpecial: true, parseSpecial: false));
    }
}
