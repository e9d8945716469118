using System.Globalization;
using System.Text;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

public sealed class GrammarAutomatonTests
{
    [Theory]
    [InlineData("root ::= \"ab\" [0-9]{2,3} | \"ac\"", "ab12 ab123 ac", "ab1 ab1234 ad a")]
    [InlineData("root ::= (\"x\" | \"y\"+)* \"\\u00e9\" [^a-c\\n]?", "é xyé yyxéd é漢", "x éa éb xyéde")]
    [InlineData("root ::= [^\\x00-\\x60\\x62-\\UFFFFFFFF] [\\x61-\\UFFFFFFFF]", "aa aé", "bb aA")]
    [InlineData("root ::= \"[\" root* \"]\" | .", "[] [[]a[]] b", "[a ]] ab")]
    [InlineData("root ::= \"\" (\"a\"?){0,3} \"-\" [\\]\\-x] [+-]", "---  aaa-]+ a-x-", "aaaa-]+ -y+")]
    [InlineData("root ::= (\"a\"{3}){0,2} \"b\"{2}{1,2} \"c\"{0} \"d\"", "bbd aaabbbbd aaaaaabbd", "abbd bbbd bbcd")]
    [InlineData("root ::= [b-da-bx-xf-e] [^^] [\\\\-^]", "ab^ x-] cc\\", "eb^ a^^ fa]")]
    public void A_text_is_followed_to_where_it_may_end(string grammar, string texts, string others)
    {
        var automaton = new GrammarAutomaton(GbnfReader.Read(grammar));
        foreach (var text in texts.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            Assert.True(Accepts(automaton, text), text);
        foreach (var text in others.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            Assert.False(Accepts(automaton, text), text);
    }

    [Fact]
    public void Random_grammars_take_what_a_naive_model_takes()
    {
        var texts = new List<string> { "" };
        for (var i = 0; texts[i].Length < 5; i++) texts.AddRange([texts[i] + 'a', texts[i] + 'b', texts[i] + 'c']);
        var compared = 0;
        for (var seed = 0; seed < 300; seed++)
        {
            var grammar = RandomGrammar.Of(seed, mayBeEmpty: true);
            GbnfSymbol root;
            try
            {
                root = GbnfReader.Read(grammar);
            }
            catch (FormatException)
            {
                continue; // a rule begins with itself
            }

            compared++;
            var automaton = new GrammarAutomaton(root);
            foreach (var text in texts)
                Assert.True(NaiveGrammar.Accepts(root, text) == Accepts(automaton, text), $"'{text}' {grammar}");
        }

        Assert.InRange(compared, 100, 300);
    }

    [Fact]
    public void A_character_may_come_in_parts()
    {
        var automaton = new GrammarAutomaton(GbnfReader.Read("root ::= \"漢\"+ [\\U0001F600-\\U0001F64F]"));
        var at = automaton.Start;
        foreach (var part in "漢漢\U0001F600"u8.ToArray())
        {
            Assert.False(automaton.MayEnd(at));
            at = automaton.Step(at, part);
            Assert.True(at.IsAlive);
        }

        Assert.True(automaton.MayEnd(at));
        var within = Follow(automaton, [0xE6, 0xBC]);
        Assert.True(within.IsAlive);
        Assert.True(automaton.Step(within, (byte)'x').IsLost);
        Assert.True(Follow(automaton, [0xE6, 0xBD]).IsLost);
        Assert.True(Follow(automaton, [.. "漢"u8, 0xF0, 0x9F, 0x99]).IsAlive);
        Assert.True(Follow(automaton, [.. "漢"u8, 0xF0, 0x9F, 0x9A]).IsLost);
    }

    [Theory]
    [InlineData(0x80)]
    [InlineData(0xC0, 0xAF)]
    [InlineData(0xC3, 0x28)]
    [InlineData(0xE0, 0x80)]
    [InlineData(0xED, 0xA0, 0x80)]
    [InlineData(0xF0, 0x80)]
    [InlineData(0xF4, 0x90)]
    [InlineData(0xF8)]
    [InlineData(0x00)]
    public void What_is_not_utf8_is_of_no_grammar(params int[] bytes)
    {
        var automaton = new GrammarAutomaton(GbnfReader.Read("root ::= .*"));
        Assert.True(Follow(automaton, [.. bytes.Select(b => (byte)b)]).IsLost);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(40)]
    public void Alternatives_that_begin_alike_and_contain_one_another_are_followed_as_deep_as_they_go(int alike)
    {
        var automaton = new GrammarAutomaton(OutputGrammar.OfSchema(RandomGrammar.Alike(alike)).Root);
        var text = new StringBuilder();
        for (var i = 0; i < 500; i++) text.Append("{\"x\":");
        var at = Follow(automaton, Encoding.UTF8.GetBytes(text.ToString()));
        Assert.True(at.IsAlive);
        Assert.False(automaton.MayEnd(at));
    }

    [Fact]
    public void What_has_too_many_places_is_too_wide()
    {
        static GrammarAutomaton Of(int count) => new(GbnfReader.Read(string.Create(
            CultureInfo.InvariantCulture, $"root ::= \"q\" s{{{count}}}\ns ::= t{{{count}}}\nt ::= \"x\"?")));
        Assert.True(Follow(Of(1000), "qxx"u8).IsAlive);
        var automaton = Of(1_000_000);
        Assert.True(Follow(automaton, "q"u8).IsTooWide);
        Assert.True(Follow(automaton, "q"u8).IsTooWide);
        Assert.True(Follow(automaton, "x"u8).IsLost);
    }

    [Theory]
    [InlineData("root ::= {0}\nq ::= {1}\nr ::= \"x\"?", "q \"{0}\"", "r")]
    [InlineData("root ::= ([{0}]?){{1000}} {1}", "\\U{0:X8}", "\"y\"?")]
    [InlineData("root ::= \"x\" q\nq ::= {0}\nr ::= {1}", "r \"{0}\"", "\"x\" | \"\"")]
    public void What_grammars_repeat_by_the_thousand_is_given_up_soon(string grammar, string many, string few)
    {
        var between = many.StartsWith('\\') ? "" : " | ";
        var text = string.Format(
            CultureInfo.InvariantCulture, grammar,
            string.Join(between, Enumerable.Range(0x4000, 8_000)
                .Select(i => string.Format(CultureInfo.InvariantCulture, many, 2 * i))),
            string.Join(" | ", Enumerable.Repeat(few, 8_000)));
        var automaton = new GrammarAutomaton(GbnfReader.Read(text));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Follow(automaton, Encoding.UTF8.GetBytes(new string('x', 5)));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 28);
    }

    [Fact]
    public void A_long_text_is_followed_in_bounded_memory()
    {
        var automaton = new GrammarAutomaton(GbnfReader.Read("root ::= \"[\"{0,1000000} \"-\" \"a\"{100000} deep\n"
            + "deep ::= \"(\" deep \")\" | \"\""));
        var (at, renewed) = (automaton.Start, 0);
        string[] parts = [new('[', 70_000), "-", new('a', 100_000), new('(', 100_000), new(')', 100_000)];
        foreach (var c in string.Concat(parts))
        {
            automaton.Begin();
            at = automaton.Step(at, (byte)c);
            Assert.True(at.IsAlive);
            if (!automaton.IsFull(0)) continue;
            renewed++;
            automaton = automaton.Anew(at);
            at = automaton.Start;
        }

        Assert.True(automaton.MayEnd(at));
        Assert.InRange(renewed, 2, 50);
    }

    private static bool Accepts(GrammarAutomaton automaton, string text) =>
        automaton.MayEnd(Follow(automaton, Encoding.UTF8.GetBytes(text)));

    private static GrammarCursor Follow(GrammarAutomaton automaton, ReadOnlySpan<byte> text)
    {
        var at = automaton.Start;
        foreach (var part in text)
        {
            automaton.Begin();
            at = automaton.Step(at, part);
        }

        return at;
    }
}
