using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Node.Tests.Serving;

/// <summary>The node's JSON against the types that OpenAI publishes.</summary>
public sealed class OpenAiTypesTests(ITestOutputHelper output)
{
    [Fact]
    public async Task What_clients_read_has_the_fields_and_types_of_OpenAI()
    {
        if (!OpenAiTypes.Available)
        {
            output.WriteLine(OpenAiTypes.Absent);
            return;
        }

        await using var node = await DemoNode.StartAsync(o => o with { Embeddings = true });
        using var http = DemoNode.Client(node);
        var wire = new OpenAiWire(http, node.ModelName);
        await wire.RecordAsync();

        Assert.Empty(await wire.Types.ProblemsAsync());
        Assert.True(wire.Types.CountOf("chat.completion.chunk") > 10);
    }

    [Fact]
    public async Task What_is_missing_too_much_or_of_another_type_is_found()
    {
        if (!OpenAiTypes.Available)
        {
            output.WriteLine(OpenAiTypes.Absent);
            return;
        }

        var types = new OpenAiTypes();
        types.Add("error", "good", """{"error":{"message":"m","type":"t","param":null,"code":null}}""");
        types.Add("error", "missing", """{"error":{"message":"m","type":"t","param":null}}""");
        types.Add("error", "too much", """{"error":{"message":"m","type":"t","param":null,"code":null,"x":1}}""");
        types.Add("model", "typed", """{"id":"m","object":"model","created":"0","owned_by":"o","max_model_len":1}""");

        var problems = await types.ProblemsAsync();

        Assert.Equal(["missing", "too much", "typed"], problems.Select(p => p.Split(" (")[0]));
    }
}
