using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grpc;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Node.Tests.Grpc;

public sealed class ClientGrammarTests
{
    [Fact]
    public async Task A_grammar_of_a_clients_own_is_taken()
    {
        await using var node = await DemoNode.StartAsync();
        Assert.Equal(ReasonCodes.MalformedRequest, Refusal("root ::= (", node));
        Assert.Equal(ReasonCodes.MalformedRequest, Refusal("root ::= root \"a\" | \"b\"", node));
        Assert.Equal(
            "root ::= \"a\"",
            GenerateRequestReader.Read(Request("root ::= \"a\""), node.Service).Sampling.Grammar!.Gbnf);
    }

    private static ReasonCode Refusal(string grammar, NodeServer node) => Assert.Throws<RuntimeErrorException>(
        () => GenerateRequestReader.Read(Request(grammar), node.Service)).Error.Code;

    private static GenerateRequest Request(string grammar) => new()
    {
        RequestId = "r", Text = "Hello", SamplingParams = new() { Grammar = grammar },
    };
}
