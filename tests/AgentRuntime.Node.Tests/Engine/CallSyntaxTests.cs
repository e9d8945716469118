using System.Text;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Http;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Tests.Engine;

/// <summary>Calls as models of other families write them are held to the tools' schemas, wherever they begin.</summary>
public sealed class CallSyntaxTests : IDisposable
{
    private static readonly RequestTool[] Tools =
    [
        new("go", "{}", """{"type":"object","properties":{"n":{"enum":[1,2]}},"required":["n"]}"""),
        new("go_on", "{}", """{"type":"object","additionalProperties":false}"""),
    ];

    private readonly OddVocabulary _vocabulary = new();

    [Theory]
    [InlineData(ToolCallSyntax.Hermes, """<tool_call>{"name":"go","arguments":{"n":1}}</tool_call>""", true)]
    [InlineData(ToolCallSyntax.Hermes, """<tool_call>{"name":"go","arguments":{"n":3}}</tool_call>""", false)]
    [InlineData(ToolCallSyntax.Llama3, """{"name": "go", "parameters": {"n": 1}}""", true)]
    [InlineData(ToolCallSyntax.Llama3, """{"type": "function", "name": "go_on", "parameters": {}}""", true)]
    [InlineData(ToolCallSyntax.Llama3, """{"name": "go", "parameters": {"n": 3}}""", false)]
    [InlineData(ToolCallSyntax.Llama3, """{"name": "go_on", "parameters": {"n": 1}}""", false)]
    [InlineData(ToolCallSyntax.Llama3, """{"name": "gone", "parameters": {}}""", false)]
    [InlineData(ToolCallSyntax.Llama3, """{"name": "go", "arguments": {"n": 1}}""", false)]
    [InlineData(ToolCallSyntax.Llama3, """It is {"name": "go", "parameters": {"n": 1}}""", false)]
    [InlineData(ToolCallSyntax.MistralList, """[TOOL_CALLS] [{"name": "go", "arguments": {"n": 2}}]""", true)]
    [InlineData(ToolCallSyntax.MistralList, """
        [TOOL_CALLS][{"name":"go","arguments":{"n":2},"id":"abcDEF123"}, {"name":"go_on","arguments":{}}]
        """, true)]
    [InlineData(ToolCallSyntax.MistralList, """[TOOL_CALLS][{"name":"go","arguments":{}}]""", false)]
    [InlineData(ToolCallSyntax.MistralList, """[TOOL_CALLS][{"name":"go_on","arguments":{},"id":"ab"}]""", false)]
    [InlineData(ToolCallSyntax.MistralNames, """[TOOL_CALLS]go[ARGS]{"n": 1}""", true)]
    [InlineData(ToolCallSyntax.MistralNames, """
        [TOOL_CALLS]go[CALL_ID]abcDEF123[ARGS]{"n":1}[TOOL_CALLS]go_on[ARGS]{}
        """, true)]
    [InlineData(ToolCallSyntax.MistralNames, """[TOOL_CALLS]go_on[ARGS]{"n":1}""", false)]
    [InlineData(ToolCallSyntax.MistralNames, """[TOOL_CALLS]gone[ARGS]{}""", false)]
    public void Required_calls_are_all_of_an_answer_and_fit(object syntax, string answer, bool fits)
    {
        var grammar = CallGrammar.Of(Tools, (ToolCallSyntax)syntax, required: true);
        Assert.Equal(fits, _vocabulary.Accepts(grammar, answer.Trim()));
        if (!fits) return;

        // What can be written is what is read.
        var (text, calls) = Read(syntax, grammar, answer.Trim());
        Assert.Equal("", text);
        Assert.NotEmpty(calls);
    }

    [Theory]
    [InlineData(ToolCallSyntax.Hermes, """
        <tool_call>{"name":"go_on","arguments":{}}</tool_call>
        """, """<tool_call>{"name":"go_on","arguments":{}}</tool_call>""")]
    [InlineData(ToolCallSyntax.MistralList, """[TOOL_CALLS][{"name":"go_on","arguments":{}}""",
        """, {"name":"go_on","arguments":{}}]""")]
    [InlineData(ToolCallSyntax.MistralNames, "[TOOL_CALLS]go_on[ARGS]{}", "[TOOL_CALLS]go_on[ARGS]{}")]
    public void Where_there_is_to_be_one_call_there_is_no_second(object syntax, string one, string more)
    {
        foreach (var required in (bool[])[false, true])
        {
            Assert.True(_vocabulary.Accepts(
                CallGrammar.Of(Tools, (ToolCallSyntax)syntax, required), one + more));
            Assert.False(_vocabulary.Accepts(
                CallGrammar.Of(Tools, (ToolCallSyntax)syntax, required, single: true), one + more));
        }
    }

    [Theory]
    [InlineData(ToolCallSyntax.Llama3, "It is {\"name\": \"gone\"}")]
    [InlineData(ToolCallSyntax.Llama3, "{\"name\": \"gone\"}")]
    [InlineData(ToolCallSyntax.Llama3, "{\n    \"price\": 3,\n    \"areas\": [] }")]
    [InlineData(ToolCallSyntax.Llama3, "\n\n  {\"names\": [\"go\"]}")]
    [InlineData(ToolCallSyntax.Llama3, "{}")]
    [InlineData(ToolCallSyntax.Llama3, "{\"parameters\": {\"n\": 9}, \"name\": \"go\"}")]
    [InlineData(ToolCallSyntax.Llama3, "{\"arguments\": {}, \"name\": \"go\"}")]
    [InlineData(ToolCallSyntax.Llama3, "{\"id\": 1, \"name\": \"go\", \"parameters\": {\"n\": 9}}")]
    [InlineData(ToolCallSyntax.Llama3, "{\"name\": \"gone\", \"parameters\": {}}")]
    [InlineData(ToolCallSyntax.Llama3, "{\"type\": \"function\", \"x\": 1, \"name\": \"go\", \"parameters\": {}}")]
    [InlineData(ToolCallSyntax.Llama3, "<|python_tag|>{\"name\": \"go\", \"parameters\": {\"n\": 9}}")]
    [InlineData(ToolCallSyntax.Llama3, "It is {\"name\": \"go\", 1}")]
    [InlineData(ToolCallSyntax.MistralList, "[TOOL_CALL][{ and [TOOL_[TOOL")]
    [InlineData(ToolCallSyntax.MistralNames, "go[ARGS]{} [TOOL_CALL")]
    public void What_begins_no_call_is_text(object syntax, string text)
    {
        var grammar = CallGrammar.Of(Tools, (ToolCallSyntax)syntax, required: false);
        Assert.True(_vocabulary.Accepts(grammar, text));
        Assert.Equal(text, Read(syntax, grammar, text).Text);
    }

    [Theory]
    [InlineData(ToolCallSyntax.Llama3, "\n {\"name\": \"go\"", ", \"parameters\": {\"n\": 1}}")]
    [InlineData(ToolCallSyntax.Llama3, "{\n\t\r    \"name\" :   \"go_on\"", ", \"parameters\": {}}")]
    [InlineData(ToolCallSyntax.Llama3, "{\"type\": \"function\", \"name\": \"go_on\"", ", \"parameters\": {}}")]
    [InlineData(ToolCallSyntax.MistralList, "Well [TOOL_[TOOL_CALLS]", " [{\"name\":\"go_on\",\"arguments\":{}}]")]
    [InlineData(ToolCallSyntax.MistralNames, "Well[TOOL_CALLS]", "go[ARGS]{\"n\":1}[TOOL_CALLS]go_on[ARGS]{}")]
    public void From_where_a_call_begins_the_answer_is_held(object syntax, string begun, string call)
    {
        var grammar = CallGrammar.Of(Tools, (ToolCallSyntax)syntax, required: false);
        Assert.True(_vocabulary.Accepts(grammar, begun + call));
        Assert.NotEmpty(Read(syntax, grammar, begun + call).Calls);

        using var sampler = _vocabulary.Sampler(new() { Grammar = grammar })!;
        Write(sampler, begun);
        Assert.NotEqual('x', _vocabulary.Sample(sampler, 'x'));
    }

    [Fact]
    public void Control_tokens_that_mark_calls_are_text_within_calls_and_nowhere_else()
    {
        DemoNode.LoadLibrary();
        using var marked = new OddVocabulary("[TOOL_CALLS]", "[ARGS]");
        var (calls, arguments) = (marked.Token("[TOOL_CALLS]"), marked.Token("[ARGS]"));
        Assert.Equal("", Encoding.UTF8.GetString(marked.Model.Piece(calls)));
        Assert.Equal("[TOOL_CALLS]", Encoding.UTF8.GetString(marked.Model.CallPiece(calls)));

        using var sampler = marked.Sampler(
            new() { Grammar = CallGrammar.Of(Tools, ToolCallSyntax.MistralNames, required: false) })!;
        Assert.All("Well".Select(c => (int)c).Concat([calls, 'g', 'o', arguments, '{', '"', 'n', '"', ':', '1', '}']),
            token => Assert.Equal(token, marked.Sample(sampler, token)));
        Assert.Equal(marked.Model.Eos, marked.Sample(sampler, 'x', marked.Model.Eos));

        using var within = marked.Sampler(
            new() { Grammar = CallGrammar.Of([new("go", "{}", null)], ToolCallSyntax.MistralNames, required: true) })!;
        Assert.All(new[] { calls, 'g', 'o', arguments, '{', '"' }, t => Assert.Equal(t, marked.Sample(within, t)));
        Assert.Equal('b', marked.Sample(within, calls, arguments, 'b'));

        using var format = marked.Sampler(new() { Grammar = OutputGrammar.OfAnyObject() })!;
        Assert.All("{\"a", c => Assert.Equal(c, marked.Sample(format, c)));
        Assert.Equal('b', marked.Sample(format, calls, 'b'));
    }

    /// <summary>As the node reads an answer.</summary>
    private static (string Text, IReadOnlyList<WrittenToolCall> Calls) Read(
        object syntax, OutputGrammar grammar, string answer) =>
        ToolCallSyntaxes.ReaderOf((ToolCallSyntax)syntax, null, grammar.Calls!.IsBegunBy).Append(answer, last: true);

    public void Dispose() => _vocabulary.Dispose();

    private void Write(TokenSampler sampler, string text) =>
        Assert.All(Encoding.UTF8.GetBytes(text), b => Assert.Equal(b, _vocabulary.Sample(sampler, b)));
}
