using System.Buffers;
using System.Text;
using System.Text.Json;
using AgentRuntime.Prompts.ToolCalls;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway.Tests.Grpc;

public class GenerateJsonTests
{
    [Theory]
    [InlineData("ok")]
    [InlineData("")]
    public async Task A_call_that_is_held_for_longer_than_an_engine_may_be_silent_arrives(string text)
    {
        var said = text + """<tool_call>{"name":"f","arguments":{}}</tool_call>""";
        var begins = Math.Max(1, text.Length);
        await using var engine = new PipedStream();
        var json = Json();
        await engine.SendAsync(Written(json, said[..begins]));
        Assert.Equal(text, await engine.NextTextAsync());

        var next = engine.NextAsync();
        foreach (var token in said[begins..^1])
        {
            engine.Time.Advance(TimeSpan.FromSeconds(20));
            await engine.SendAsync(Written(json, $"{token}"));
            await engine.WaitsAnewAsync();
        }

        await engine.SendAsync(Written(json, said[^1..]));
        Assert.Equal("f", Assert.Single((await next)!.Value.Chunk.ToolCalls).Name);
    }

    [Fact]
    public void A_message_without_tokens_says_nothing() => Assert.Empty(Written(Json(), "").ToArray());

    private static GenerateJson Json() => new(
        new LegCall([new GenerateRequest { Stream = true, SamplingParams = new() { N = 1 } }], IsChat: true)
        {
            Tools = ToolCallSyntax.Hermes,
        },
        new Letters(),
        "r",
        created: 7);

    private static ReadOnlyMemory<byte> Written(GenerateJson json, string text)
    {
        var output = new ArrayBufferWriter<byte>();
        var chunk = new GenerateStreamChunk { TokenIds = { text.Select(c => (uint)c) } };
        json.Write(output, 0, new GenerateResponse { Chunk = chunk });
        return output.WrittenMemory;
    }

    /// <summary>A token for each letter.</summary>
    private sealed class Letters : EngineVocabulary
    {
        public override ToolCallSyntax Tools => ToolCallSyntax.Hermes;

        public override int[] Chat(JsonElement body, ReadOnlyMemory<byte> bytes) => throw new NotSupportedException();

        public override int[] Prompt(string text) => throw new NotSupportedException();

        public override int[] Bare(string text) => throw new NotSupportedException();

        public override ReadOnlyMemory<byte> BytesOf(int token) => Encoding.UTF8.GetBytes($"{(char)token}");

        public override bool IsControl(int token) => false;
    }
}
