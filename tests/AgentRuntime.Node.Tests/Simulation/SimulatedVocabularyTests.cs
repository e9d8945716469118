using System.Text;
using AgentRuntime.Node.Simulation;

namespace AgentRuntime.Node.Tests.Simulation;

public sealed class SimulatedVocabularyTests
{
    [Theory]
    [InlineData("")]
    [InlineData("the order of the river")]
    [InlineData("Grüße, 北京! <|im_startled|>")]
    public void Text_comes_back_whole(string text)
    {
        var tokens = SimulatedVocabulary.Tokenize(text, parseSpecial: true);
        Assert.Equal(text, Text(tokens));
        Assert.All(tokens, t => Assert.InRange(t, 0, SimulatedVocabulary.Size - 1));
    }

    [Fact]
    public void Control_tokens_are_read_only_where_they_are_asked_for()
    {
        const string Turn = "<|im_start|>user\nhello<|im_end|>";
        var parsed = SimulatedVocabulary.Tokenize(Turn, parseSpecial: true);
        Assert.Equal(SimulatedVocabulary.TurnStart, parsed[0]);
        Assert.Equal(SimulatedVocabulary.TurnEnd, parsed[^1]);
        Assert.Equal(Turn, Text(SimulatedVocabulary.Tokenize(Turn, parseSpecial: false)));
    }

    [Fact]
    public void A_longer_text_begins_with_the_tokens_of_the_shorter()
    {
        const string Text = "a prefix stays what it is, whatever follows it. 0123456789, and more";
        var whole = SimulatedVocabulary.Tokenize(Text, parseSpecial: true);
        for (var length = 0; length < Text.Length; length++)
        {
            var part = SimulatedVocabulary.Tokenize(Text[..length], parseSpecial: true);
            var same = Math.Max(0, part.Length - 2); // the last three characters may join with what follows
            Assert.Equal(whole[..same], part[..same]);
        }
    }

    [Fact]
    public void An_answer_goes_round_in_a_circle_of_distinct_tokens()
    {
        var first = SimulatedVocabulary.Successor('x');
        var seen = new HashSet<int>();
        for (var token = first; seen.Add(token);) token = SimulatedVocabulary.Successor(token);
        Assert.InRange(seen.Count, 20, 40);
        Assert.Contains(first, seen);
    }

    private static string Text(int[] tokens)
    {
        var bytes = new List<byte>();
        foreach (var token in tokens) bytes.AddRange(SimulatedVocabulary.Piece(token).ToArray());
        return Encoding.UTF8.GetString([.. bytes]);
    }
}
