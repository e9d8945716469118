using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests.Grpc;

public sealed class ChatValuesTests
{
    /// <summary>The text of the arguments is Unicode; what it says as JSON need not be.</summary>
    [Theory]
    [InlineData("{")]
    [InlineData("""{"a":"\ud800"}""")]
    [InlineData("""{"\ud800":1}""")]
    public void Arguments_of_a_call_that_cannot_be_read_are_the_clients_mistake(string arguments)
    {
        var call = new { id = "c", type = "function", function = new { name = "f", arguments } };
        var body = JsonSerializer.SerializeToElement(
            new { messages = new[] { new { role = "assistant", tool_calls = new[] { call } } } });

        var refused = Assert.Throws<LegRefusal>(() => ChatValues.Read(body, text => text, readsParts: false));

        Assert.Equal(ReasonCodes.MalformedRequest, refused.Code);
    }
}
