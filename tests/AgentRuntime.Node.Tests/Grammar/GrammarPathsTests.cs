using System.Text;
using System.Text.Json;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

public sealed class GrammarPathsTests
{
    [Theory]
    [InlineData("root ::= \"ab\" [0-9]{2,3} | \"ac\"", "ab12 ab123 ac", "ab1 ab1234 ad a")]
    [InlineData("root ::= (\"x\" | \"y\"+)* \"\\u00e9\" [^a-c\\n]?", "é xyé yyxéd é漢", "x éa éb xyéde")]
    [InlineData("root ::= [^\\x00-\\x60\\x62-\\UFFFFFFFF] [\\x61-\\UFFFFFFFF]", "aa aé", "bb aA")]
    [InlineData("root ::= \"[\" root* \"]\" | .", "[] [[]a[]] b", "[a ]] ab")]
    [InlineData("root ::= \"\" (\"a\"?){0,3} \"-\" [\\]\\-x] [+-]", "---  aaa-]+ a-x-", "aaaa-]+ -y+")]
    public void A_text_is_followed_to_where_it_may_end(string grammar, string texts, string others)
    {
        foreach (var text in texts.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            Assert.True(Accepts(grammar, text), text);
        foreach (var text in others.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            Assert.False(Accepts(grammar, text), text);
    }

    [Fact]
    public void A_character_may_come_in_parts()
    {
        var paths = new GrammarPaths(GbnfCheck.Read("root ::= \"漢\"+"), 10);
        foreach (var part in Encoding.UTF8.GetBytes("漢漢"))
            Assert.True(paths.TryFollow([part]));
        Assert.True(paths is { MayEnd: true, IsLost: false });
        paths.TryFollow("x"u8);
        Assert.True(paths.IsLost);
    }

    [Fact]
    public void Noise_within_a_text_is_followed_as_llama_cpp_reads_it()
    {
        var paths = new GrammarPaths(GbnfCheck.Read("root ::= \"\\\"\" [^\"]{3} \"\\\"\""), 10);
        Assert.True(paths.TryFollow([(byte)'"', 0xC3, 0x28, 0xE1, 0x80, (byte)'"', (byte)'a', (byte)'"']));
        Assert.True(paths is { MayEnd: true, IsLost: false });
    }

    [Theory]
    [InlineData(2, 12)]
    [InlineData(40, 2)]
    public void Alternatives_that_begin_alike_and_contain_one_another_are_not_followed_for_long(int alike, int levels)
    {
        var paths = new GrammarPaths(OutputGrammar.OfSchema(Alike(alike)).Root, 2_000);
        var written = 0;
        while (paths.IsBounded && written < 100)
        {
            written++;
            paths.TryFollow("{\"x\":"u8);
        }

        Assert.InRange(written, 2, levels);
    }

    [Fact]
    public void Brackets_that_a_token_may_have_are_looked_at_ahead()
    {
        var lists = string.Join(" | ", Enumerable.Range(0, 20).Select(i => $"\"[\" root \"{i}]\""));
        Assert.False(new GrammarPaths(GbnfCheck.Read($"root ::= {lists} | \"a\""), 2_000).IsBounded);
        var inner = lists.Replace("root", "r", StringComparison.Ordinal);
        var behind = new GrammarPaths(GbnfCheck.Read($"root ::= \"q\" r\nr ::= {inner} | \"a\""), 2_000);
        Assert.True(behind.IsBounded);
        Assert.False(behind.TryFollow("q"u8));
    }

    [Fact]
    public void A_long_text_takes_no_more_places_than_a_short_one()
    {
        var paths = new GrammarPaths(OutputGrammar.OfAnyObject().Root, 20);
        Assert.True(paths.TryFollow("{\"a\":["u8));
        for (var i = 0; i < 10_000; i++)
            Assert.True(paths.TryFollow("{\"b\": [1.5e3, \"text\", null]},"u8));
        Assert.True(paths.TryFollow("0]}"u8));
        Assert.True(paths is { MayEnd: true, IsLost: false });
    }

    internal static JsonElement Alike(int alternatives) => JsonDocument.Parse(
        "{\"$ref\": \"#/$defs/a\", \"$defs\": {\"a\": {\"anyOf\": ["
        + string.Join(", ", Enumerable.Range(0, alternatives).Select(i =>
            "{\"type\": \"object\", \"required\": [\"x\", \"k\"], \"additionalProperties\": false, \"properties\": "
            + $"{{\"x\": {{\"$ref\": \"#/$defs/a\"}}, \"k\": {{\"const\": {i}}}}}}}"))
        + "]}}}").RootElement;

    private static bool Accepts(string grammar, string text)
    {
        var paths = new GrammarPaths(GbnfCheck.Read(grammar), 1_000);
        Assert.True(paths.TryFollow(Encoding.UTF8.GetBytes(text)));
        return paths is { MayEnd: true, IsLost: false };
    }
}
