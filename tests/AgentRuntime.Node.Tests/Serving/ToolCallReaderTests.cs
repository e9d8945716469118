using AgentRuntime.Node.Prompting;

namespace AgentRuntime.Node.Tests.Serving;

public sealed class ToolCallReaderTests
{
    [Theory]
    [InlineData("a <tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n", "a \n", "f{}")]
    [InlineData("<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"</tool_call>\"}}</tool_call>", "",
        "f{\"x\":\"</tool_call>\"}")]
    [InlineData("<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"\\\"</tool_call><tool_call></tool_call>\"}}"
        + "</tool_call><tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>", "",
        "f{\"x\":\"\\\"</tool_call><tool_call></tool_call>\"} g{}")]
    [InlineData("<tool_call>none</tool_call> <tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>",
        "<tool_call>none</tool_call> ", "g{}")]
    [InlineData("<tool_call>{\"name\":\"f</tool_call> <tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>",
        "<tool_call>{\"name\":\"f</tool_call> ", "g{}")]
    [InlineData("<tool_call>{\"name\":\"f</tool_call> and more", "<tool_call>{\"name\":\"f</tool_call> and more", "")]
    [InlineData("<tool_call>{\"x\":1}</tool_call> and", "<tool_call>{\"x\":1}</tool_call> and", "")]
    [InlineData("<tool_call>{\"name\":\"f\",\"arg", "<tool_call>{\"name\":\"f\",\"arg", "")]
    [InlineData("<tool", "<tool", "")]
    public void Calls_are_found_however_the_answer_is_cut(string answer, string text, string calls)
    {
        for (var size = 1; size <= answer.Length; size++)
        {
            var reader = new ToolCallReader();
            var (plain, found) = ("", new List<string>());
            foreach (var piece in answer.Chunk(size).Select(c => new string(c)).Append(""))
            {
                var (more, whole) = reader.Append(piece, last: piece.Length == 0);
                plain += more;
                found.AddRange(whole.Select(c => c.Name + c.ArgumentsJson));
            }

            Assert.Equal(calls, string.Join(' ', found));
            Assert.Equal(text.Trim('\n'), plain.Trim('\n'));
        }
    }

    [Fact]
    public void What_is_no_call_goes_on_at_its_end()
    {
        var reader = new ToolCallReader();
        Assert.Equal("<tool_call>none</tool_call>", reader.Append("<tool_call>none</tool_call>", last: false).Text);
        Assert.Equal("<tool_call></tool_call>", reader.Append("<tool_call></tool_call>", last: false).Text);
        Assert.Equal("<tool_call>{</tool_call>", reader.Append("<tool_call>{</tool_call>", last: false).Text);
    }

    [Fact]
    public void A_call_passes_over_a_few_ends_within_its_texts_and_then_is_none()
    {
        var reader = new ToolCallReader();
        var begun = "<tool_call>{\"x\":\"" + string.Concat(Enumerable.Repeat("</tool_call>", 16));
        Assert.Equal("", reader.Append(begun, last: false).Text);
        Assert.Equal(begun + "</tool_call>", reader.Append("</tool_call>", last: false).Text);
        Assert.Equal("g", Assert.Single(
            reader.Append("<tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>", last: true).Calls).Name);
    }
}
