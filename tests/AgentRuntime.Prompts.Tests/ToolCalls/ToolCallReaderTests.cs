using AgentRuntime.Prompts.ToolCalls;
using AgentRuntime.TestKit;

namespace AgentRuntime.Prompts.Tests.ToolCalls;

public sealed class ToolCallReaderTests
{
    [Theory]
    [InlineData(ToolCallSyntax.Hermes, "no call", "no call", "")]
    [InlineData(ToolCallSyntax.Hermes, "a <tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>", "a ", "f{}")]
    [InlineData(ToolCallSyntax.Hermes,
        "<tool_call>\n{\"name\":\"f\",\"arguments\":{}}\n</tool_call>\n<tool_call>{\"name\":\"g\",\"arguments\":"
        + "{\"x\":1}}</tool_call>", "", "f{} g{\"x\":1}")]
    [InlineData(ToolCallSyntax.Hermes, "<tool_call>not json</tool_call>", "<tool_call>not json</tool_call>", "")]
    [InlineData(ToolCallSyntax.Hermes, "<tool_call>{\"name\":\"f\",\"arg", "<tool_call>{\"name\":\"f\",\"arg", "")]
    [InlineData(ToolCallSyntax.Hermes, "<tool_call>none</tool_call> <tool_call>{\"name\":\"g\",\"arguments\":{}}"
        + "</tool_call>", "<tool_call>none</tool_call> ", "g{}")]
    [InlineData(ToolCallSyntax.Hermes,
        "<tool_call>{\"x\":1}</tool_call> and", "<tool_call>{\"x\":1}</tool_call> and", "")]
    [InlineData(ToolCallSyntax.Hermes, "<tool", "<tool", "")]
    [InlineData(ToolCallSyntax.Hermes,
        "<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"</tool_call>\"}}</tool_call>!", "!",
        "f{\"x\":\"</tool_call>\"}")]
    [InlineData(ToolCallSyntax.Hermes, "<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"\\\"</tool_call><tool_call>"
        + "</tool_call>\"}}</tool_call><tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>", "",
        "f{\"x\":\"\\\"</tool_call><tool_call></tool_call>\"} g{}")]
    [InlineData(ToolCallSyntax.Hermes, "<tool_call>{\"name\":\"f\",\"arguments\":{}}\n{\"name\":\"g\",\"arguments\":"
        + "{\"x\":\"</tool_call>\"}}</tool_call>", "", "f{} g{\"x\":\"</tool_call>\"}")]
    [InlineData(ToolCallSyntax.Hermes,
        "<tool_call>{\"name\":\"f</tool_call> <tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>",
        "<tool_call>{\"name\":\"f</tool_call> ", "g{}")]
    [InlineData(ToolCallSyntax.Hermes, "<tool_call>{\"name\":\"f</tool_call> and more",
        "<tool_call>{\"name\":\"f</tool_call> and more", "")]
    [InlineData(ToolCallSyntax.Llama3, "{\"name\":\"f\",\"parameters\":{\"x\":1}}", "", "f{\"x\":1}")]
    [InlineData(ToolCallSyntax.Llama3, "{\"name\":\"f\",\"parameters\":{}}; {\"name\":\"g\",\"parameters\":{}}",
        "", "f{} g{}")]
    [InlineData(ToolCallSyntax.Llama3, "{\"a\": 1}", "{\"a\": 1}", "")]
    [InlineData(ToolCallSyntax.Llama3, "It is {\"name\":\"f\",\"parameters\":{}}",
        "It is {\"name\":\"f\",\"parameters\":{}}", "")]
    [InlineData(ToolCallSyntax.Llama3, "<|python_tag|>{\"name\":\"f\",\"parameters\":{}}", "", "f{}")]
    [InlineData(ToolCallSyntax.MistralList,
        "[TOOL_CALLS][{\"name\":\"f\",\"arguments\":{}},{\"name\":\"g\",\"arguments\":{}}]",
        "", "f{} g{}")]
    [InlineData(ToolCallSyntax.MistralList,
        "[TOOL_CALLS] [{\"name\":\"f\",\"arguments\":{\"x\":\"[TOOL_CALLS]\"},\"id\":\"abcdefghi\"}]",
        "", "f{\"x\":\"[TOOL_CALLS]\"}")]
    [InlineData(ToolCallSyntax.MistralNames,
        "well[TOOL_CALLS]f[ARGS]{}[TOOL_CALLS]g[CALL_ID]abc[ARGS]{\"x\":1}", "well", "f{} g{\"x\":1}")]
    [InlineData(ToolCallSyntax.MistralNames, "[TOOL_CALLS]f[ARGS]{\"x\":\"}[TOOL_CALLS]g[ARGS]{\"}", "",
        "f{\"x\":\"}[TOOL_CALLS]g[ARGS]{\"}")]
    [InlineData(ToolCallSyntax.MistralNames, "[TOOL_CALLS]f[ARGS]{} and", "[TOOL_CALLS]f[ARGS]{} and", "")]
    [InlineData(ToolCallSyntax.MistralNames, "[TOOL_CALLS][ARGS]{}", "[TOOL_CALLS][ARGS]{}", "")]
    [InlineData(ToolCallSyntax.MistralNames, "[TOOL_CALLS]oh", "[TOOL_CALLS]oh", "")]
    [InlineData(ToolCallSyntax.MistralNames, "[TOOL", "[TOOL", "")]
    [InlineData(ToolCallSyntax.BoundToList, "[{\"name\":\"f\",\"parameters\":{}}]", "", "f{}")]
    [InlineData(ToolCallSyntax.BoundToOne, " {\"x\":1}", "", "only{\"x\":1}")]
    [InlineData(ToolCallSyntax.BoundToOne, "{\"x\":", "{\"x\":", "")]
    public void Calls_are_found_however_the_answer_is_cut(object syntax, string answer, string text, string calls)
    {
        for (var size = 1; size <= answer.Length; size++)
        {
            var reader = ToolCallSyntaxes.ReaderOf((ToolCallSyntax)syntax, "only");
            var (plain, found) = ("", new List<WrittenToolCall>());
            foreach (var piece in answer.Chunk(size).Select(c => new string(c)).Append(""))
            {
                var (more, written) = reader.Append(piece, last: piece.Length == 0);
                plain += more;
                found.AddRange(written);
            }

            Assert.Equal(text, plain);
            Assert.Equal(calls, string.Join(' ', found.Select(c => c.Name + c.Arguments)));
        }
    }

    [Fact]
    public void Text_before_a_call_does_not_wait_for_it()
    {
        var reader = ToolCallSyntaxes.ReaderOf(ToolCallSyntax.Hermes, null);
        Assert.Equal("It is ", reader.Append("It is <tool", last: false).Text);
        Assert.Equal("<toolbox>", reader.Append("box>", last: false).Text);
    }

    [Fact]
    public void What_is_no_call_goes_on_at_its_end()
    {
        var reader = ToolCallSyntaxes.ReaderOf(ToolCallSyntax.Hermes, null);
        Assert.Equal("<tool_call>none</tool_call>", reader.Append("<tool_call>none</tool_call>", last: false).Text);
        Assert.Equal("<tool_call></tool_call>", reader.Append("<tool_call></tool_call>", last: false).Text);
        Assert.Equal("<tool_call>{</tool_call>", reader.Append("<tool_call>{</tool_call>", last: false).Text);
    }

    [Fact]
    public void A_call_passes_over_a_few_ends_within_its_texts_and_then_is_none()
    {
        var reader = ToolCallSyntaxes.ReaderOf(ToolCallSyntax.Hermes, null);
        var begun = "<tool_call>{\"x\":\"" + string.Concat(Enumerable.Repeat("</tool_call>", 16));
        Assert.Equal("", reader.Append(begun, last: false).Text);
        Assert.Equal(begun + "</tool_call>", reader.Append("</tool_call>", last: false).Text);
        Assert.Equal("g", Assert.Single(
            reader.Append("<tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>", last: true).Calls).Name);
    }

    [Theory]
    [InlineData("qwen2.5", ToolCallSyntax.Hermes)]
    [InlineData("qwen3", ToolCallSyntax.Hermes)]
    [InlineData("hermes", ToolCallSyntax.Hermes)]
    [InlineData("llama3.1", ToolCallSyntax.Llama3)]
    [InlineData("mistral", ToolCallSyntax.MistralList)]
    [InlineData("gemma", ToolCallSyntax.Unknown)]
    [InlineData("phi3", ToolCallSyntax.Unknown)]
    [InlineData("deepseek", ToolCallSyntax.Unknown)]
    public void The_syntax_is_what_the_template_shows(string template, object syntax) =>
        Assert.Equal((ToolCallSyntax)syntax, ToolCallSyntaxes.Of(JinjaOracle.Template(template)));

    [Theory]
    [InlineData("{{ tools }}<tool_call>{{ call | tojson }}</tool_call>", ToolCallSyntax.Hermes)]
    [InlineData("{{ tools }}<tool_call><function=f></function></tool_call>", ToolCallSyntax.Unknown)]
    [InlineData("{{ tools }}<tool_call>f<arg_key>x</arg_key></tool_call>", ToolCallSyntax.Unknown)]
    [InlineData("{{ tools }}<tool_call><invoke name=\"f\"></invoke></tool_call>", ToolCallSyntax.Unknown)]
    [InlineData("{{ tools }}[TOOL_CALLS]f[ARGS]{}", ToolCallSyntax.MistralNames)]
    [InlineData("<tool_call>", ToolCallSyntax.Unknown)]
    public void What_looks_alike_is_told_apart(string template, object syntax) =>
        Assert.Equal((ToolCallSyntax)syntax, ToolCallSyntaxes.Of(template));

    [Fact]
    public void A_parsers_name_tells_what_it_reads()
    {
        foreach (var syntax in (ToolCallSyntax[])
            [ToolCallSyntax.Hermes, ToolCallSyntax.Llama3, ToolCallSyntax.MistralNames])
            Assert.Equal(syntax, ToolCallSyntaxes.OfParser(ToolCallSyntaxes.ParserOf(syntax)));
        Assert.Equal("mistral", ToolCallSyntaxes.ParserOf(ToolCallSyntax.MistralList));
        Assert.Equal(ToolCallSyntax.Unknown, ToolCallSyntaxes.OfParser("qwen3_xml"));
        Assert.Null(ToolCallSyntaxes.ParserOf(ToolCallSyntax.Unknown));
    }
}
