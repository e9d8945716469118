using AgentRuntime.Abstractions;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>A vocabulary that a node sends tells how its model writes calls, which control tokens may mark.</summary>
public sealed class GgufVocabularyTests
{
    private const uint Calls = 1000;
    private const uint Arguments = 1001;

    [Fact]
    public void Calls_that_control_tokens_mark_are_read()
    {
        var answer = Answer(new Marked("mistral"), withTools: true);

        answer.Add([.. "Well".Select(c => (uint)c), Calls, 'g', 'o', Arguments, .. "{\"x\":1}".Select(c => (uint)c)]);
        answer.End("stop");

        Assert.Equal("Well", answer.Text.ToString());
        Assert.Equal(new WrittenToolCall("go", "{\"x\":1}"), Assert.Single(answer.TakeCalls()).Call);
        Assert.Equal("tool_calls", answer.FinishReason);
    }

    [Fact]
    public void Where_there_are_no_tools_they_are_not_shown()
    {
        var answer = Answer(new Marked("mistral"), withTools: false);

        answer.Add(['a', Calls, 'b']);
        answer.End("stop");

        Assert.Equal("ab", answer.Text.ToString());
    }

    [Theory]
    [InlineData("hermes", ToolCallSyntax.Hermes)]
    [InlineData("llama3_json", ToolCallSyntax.Llama3)]
    [InlineData(null, ToolCallSyntax.Unknown)]
    public void The_syntax_is_the_vocabularys_own(string? parser, object syntax) =>
        Assert.Equal(syntax, new EngineVocabulary.OfGguf(new Marked(parser)).Tools);

    private static AnswerChoice Answer(IModelTokenizer tokenizer, bool withTools)
    {
        var vocabulary = new EngineVocabulary.OfGguf(tokenizer);
        return new(
            new TokenText([]), withTools ? ToolCallSyntaxes.ReaderOf(vocabulary.Tools, null) : null, vocabulary,
            showControl: false);
    }

    private sealed class Marked(string? parser) : IModelTokenizer
    {
        public string? ToolCallParser => parser;

        public bool IsControl(int token) => token >= (int)Calls;

        public ReadOnlyMemory<byte> BytesOf(int token) => token switch
        {
            (int)Calls => "[TOOL_CALLS]"u8.ToArray(),
            (int)Arguments => "[ARGS]"u8.ToArray(),
            _ => new[] { (byte)token },
        };

        public int[] Tokenize(InferenceOperation operation, ReadOnlyMemory<byte> body) => [];

        public int[] TokenizeText(string text) => [.. text.Select(c => (int)c)];
    }
}
