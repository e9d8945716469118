using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grpc;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Node.Tests.Grpc;

public sealed class ClientGrammarTests
{
    [Fact]
    public async Task A_grammar_of_a_clients_own_is_taken_only_where_the_node_is_told_to()
    {
        await using var careful = await DemoNode.StartAsync();
        await using var trusting = await DemoNode.StartAsync(o => o with { ClientGrammars = true });
        Assert.Equal(ReasonCodes.UnsupportedParameter, Refusal("root ::= \"a\"", careful));
        Assert.Equal(ReasonCodes.MalformedRequest, Refusal("root ::= (", trusting));
        Assert.Equal(
            "root ::= \"a\"",
            GenerateRequestReader.Read(Request("root ::= \"a\""), trusting.Service).Sampling.Grammar!.Gbnf);
    }

    private static ReasonCode Refusal(string grammar, NodeServer node) => Assert.Throws<RuntimeErrorException>(
        () => GenerateRequestReader.Read(Request(grammar), node.Service)).Error.Code;

    private static GenerateRequest Request(string grammar) => new()
    {
        RequestId = "r", Text = "Hello", SamplingParams = new() { Grammar = grammar },
    };
}
