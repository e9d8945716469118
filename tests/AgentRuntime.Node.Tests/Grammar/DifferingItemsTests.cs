using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>Items and names that must differ from those before them, whatever they are.</summary>
public sealed class DifferingItemsTests : IDisposable
{
    private const string Tags = """{"type":"array","items":{"type":"string"},"uniqueItems":true}""";

    private readonly OddVocabulary _vocabulary = new();

    [Theory]
    [InlineData(Tags, """["a","b","ab",""]""", """["a","a"]""", """["a","b","a"]""", """["a","\u0061"]""",
        """["\n","\u000a"]""", """["😀","\ud83D\uDE00"]""", """["/","\/"]""")]
    [InlineData("""{"items":{"type":"number"},"uniqueItems":true}""", "[1,10,0.1,-1,12,100.5,1e3]",
        "[1,1.0]", "[1,1e0]", "[100,1e2]", "[0,-0]", "[0,0.00e1]", "[0.01,1e-2]",
        "[12,2,12]", "[10,1.0e1]", "[1, 1]", "[1,1 ]")]
    [InlineData("""{"items":{"type":"object","additionalProperties":{"type":"integer"}},"uniqueItems":true}""",
        """[{"a":1,"b":2},{"a":2,"b":1},{"a":1},{}]""", """[{"a":1,"b":2},{"b":2,"a":1}]""", "[{},{}]",
        """[{"a":1},{ "\u0061" :1}]""", """[{"a":2},{"a":1,"a":2}]""")]
    [InlineData("""{"uniqueItems":true}""", """[[1,2],[2,1],"1",1,true,null,[],{},[[]],[1]]""", "[[1,2],[1.0,2]]",
        "[true,1,true]", "[null,null]", "[[[]],[[]]]", """[{"a":[{}]},{"a":[{}]}]""")]
    [InlineData("""{"items":{"items":{"type":"integer"},"uniqueItems":true},"uniqueItems":true}""",
        "[[1,2],[2,1],[1],[]]", "[[1,1]]", "[[1],[1]]", "[[1],[2,2]]")]
    [InlineData("""{"prefixItems":[{"type":"string"},{"type":["string","null"]}],"items":{"type":"string"},"""
        + """ "uniqueItems":true,"maxItems":4}""", """["a",null,"b"]""", """["a","a"]""", """["a",null,"a"]""")]
    [InlineData("""{"items":{"type":"string"},"contains":{"maxLength":1},"maxContains":1,"uniqueItems":true}""",
        """["a","bb"]""", """["a","b"]""", """["a","bb","bb"]""")]
    [InlineData("""{"anyOf":[{"items":{"type":"integer"},"uniqueItems":true},"""
        + """{"items":{"type":"integer"},"maxItems":2}]}""",
        "[1,1]", "[1,1,2]")]
    [InlineData("""{"anyOf":[{"items":{"type":"integer"},"uniqueItems":true},"""
        + """{"items":{"type":"integer"},"maxItems":2}]}""",
        "[1,2,3]", "[1,2,1]")]
    [InlineData("""{"additionalProperties":{"const":1},"minProperties":2}""", """{"a":1,"b":1}""", """{"a":1,"a":1}""",
        """{"a":1,"\u0061":1}""", """{"a":1}""", """{"a":1,"b":1,"a":1}""")]
    public void Items_are_equal_that_stand_for_one_value(string schema, string instance, params string[] others) =>
        SchemaText.WritesOnly(schema, instance, others, strict: true);

    [Fact]
    public void Arrays_are_taken_as_a_plain_comparison_of_their_items_says()
    {
        string[] values =
        [
            "1", "1.0", "10e-1", "0.10e1", "-0", "0", "0.0", "100", "1e2", "1E+2", "\"a\"", "\"\\u0061\"", "\"\"",
            "\"é\"", "\"\\u00e9\"", "null", "true", "false", "[]", "[ ]", "[1,2]", "[1.0,2]", "[2,1]", "{}",
            "{\"a\":1,\"b\":[]}", "{\"b\":[ ],\"a\":1e0}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":2}}",
            "{\"\\u0061\":{\"b\":1}}",
        ];
        var (random, grammar, taken) = (new Random(7), SchemaText.Grammar("""{"uniqueItems":true}""", strict: true), 0);
        for (var i = 0; i < 500; i++)
        {
            var text = $"[{string.Join(',', random.GetItems(values, random.Next(2, 6)))}]";
            JsonElement[] items = [.. JsonElement.Parse(text).EnumerateArray()];
            var differ = !items.Index().Any(a => items.Take(a.Index).Any(b => JsonElement.DeepEquals(a.Item, b)));
            Assert.True(differ == SchemaText.Takes(grammar, text), text);
            if (differ) taken++;
        }

        Assert.InRange(taken, 100, 400);
    }

    [Theory]
    [InlineData(Tags)]
    [InlineData("""{"items":{"type":["integer","null"]},"uniqueItems":true,"minItems":3}""")]
    [InlineData("""{"items":{"type":"string","pattern":"^[ab]{0,2}$"},"uniqueItems":true,"minItems":6}""")]
    [InlineData("""{"items":{"properties":{"a":{"type":"boolean"},"b":{"enum":["x","xy"]}},"required":["b"]},"""
        + """ "uniqueItems":true,"minItems":6}""")]
    [InlineData("""{"items":{"items":{"type":"boolean"},"uniqueItems":true},"uniqueItems":true,"minItems":5}""")]
    [InlineData("""{"items":{"type":"integer","minimum":8,"maximum":102},"uniqueItems":true,"minItems":90}""")]
    [InlineData("""{"patternProperties":{"^[abc]$":{"type":"null"}},"additionalProperties":false,"minProperties":3}""")]
    public void The_tokens_that_may_come_next_lead_to_an_end_each_and_no_others_do(string schema)
    {
        var output = SchemaText.Grammar(schema, strict: true);
        var automaton = new GrammarAutomaton(output.Root);
        for (var seed = 0; seed < 6; seed++)
        {
            var (random, grammar) = (new Random(seed), _vocabulary.Model.Grammars.Get(output));
            var (place, text) = (grammar.Start, new List<byte>());
            for (var step = 0; step < 2000; step++)
            {
                var allowed = Tokens(grammar.Allowed(place, onlyWithWayOn: true)!);
                if (step < 40)
                {
                    var quick = Tokens(grammar.Allowed(place)!);
                    Assert.Equal(
                        Enumerable.Range(0, _vocabulary.Model.VocabularySize).Where(t => IsTaken(text, t)), quick);
                    Assert.Subset(quick.ToHashSet(), allowed.ToHashSet());
                }

                Assert.True(allowed.Length > 0, Encoding.UTF8.GetString([.. text]));
                if (allowed.Contains(_vocabulary.Model.Eos) && random.Next(3) == 0) break;
                int[] next = [.. allowed.Where(t => !_vocabulary.Model.EndsGeneration(t))];
                if (next.Length == 0) break;
                int[] ends = [.. next.Where(t => _vocabulary.Model.TokenText(t).AsSpan().IndexOfAny("]}\",") >= 0)];
                if (ends.Length > 0 && random.Next(2) == 0) next = ends;
                var piece = _vocabulary.Model.Piece(next[random.Next(next.Length)]);
                place = grammar.Follow(place, piece);
                text.AddRange(piece);
            }
        }

        bool IsTaken(List<byte> text, int token)
        {
            var place = new AnswerPlace(automaton.Start);
            automaton.Begin();
            foreach (var part in text) place = automaton.Step(place, part);
            if (_vocabulary.Model.EndsGeneration(token)) return automaton.MayEnd(place.At);
            foreach (var part in _vocabulary.Model.Piece(token)) place = automaton.Step(place, part);
            return !_vocabulary.Model.Piece(token).IsEmpty && place.IsAlive;
        }
    }

    [Fact]
    public void What_would_take_longer_than_it_may_to_find_out_is_taken_for_a_way_on()
    {
        var output = SchemaText.Grammar(
            """{"items":{"type":"string","pattern":"^[ab]{0,2}$"},"uniqueItems":true}""", strict: true);
        var automaton = new GrammarAutomaton(output.Root);
        automaton.Begin();
        var place = new AnswerPlace(automaton.Start);
        foreach (var part in """["a","b","aa","ab","ba","bb","","a"""u8) place = automaton.Step(place, part);

        int enough = 100_000, few = 1, none = 0;
        Assert.False(automaton.HasWayOn(place, ref enough));
        Assert.InRange(enough, 1, 99_999);
        Assert.True(automaton.HasWayOn(place, ref few));
        Assert.True(automaton.HasWayOn(place, ref none));
        Assert.Equal(0, none);
    }

    [Fact]
    public void Answers_that_share_what_is_known_of_a_grammar_keep_their_own_items()
    {
        var grammar = _vocabulary.Model.Grammars.Get(SchemaText.Grammar(Tags));
        var start = grammar.Follow(grammar.Start, "[\"a\",\""u8);
        var (a, b) = (grammar.Follow(start, "a"u8), grammar.Follow(start, "b"u8));
        Assert.Equal(a.At, b.At);
        var quote = _vocabulary.Token("\"");
        Assert.DoesNotContain(quote, Tokens(grammar.Allowed(a)!));
        Assert.Contains(quote, Tokens(grammar.Allowed(b)!));
        Assert.DoesNotContain(quote, Tokens(grammar.Allowed(a)!));
        // Whoever went on from a place has changed nothing of it, nor has one that begins anew there.
        var ended = grammar.Follow(b, "\",\"b"u8);
        Assert.True(grammar.Follow(ended, "\""u8).IsLost);
        Assert.False(grammar.Follow(b, "\""u8).IsLost);
        var anew = grammar.Anew(ended);
        Assert.True(anew.Follow(anew.Start, "\""u8).IsLost);
        Assert.False(anew.Follow(anew.Start, "b\""u8).IsLost);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void An_answer_that_would_write_an_item_again_writes_another_one(float temperature)
    {
        var grammar = SchemaText.Grammar(
            """{"items":{"type":"string","pattern":"^(a|b[0-9])$"},"uniqueItems":true,"minItems":2}""", strict: true);
        using var sampler = TokenSampler.Create(
            new([1], 100, new() { Grammar = grammar, Temperature = temperature, TopK = 1 }), _vocabulary.Model)!;
        Assert.All("[\"a\"", c => Assert.Equal(c, _vocabulary.Sample(sampler, c)));
        Assert.NotEqual(']', _vocabulary.Sample(sampler, ']', ','));
        Assert.Equal('"', _vocabulary.Sample(sampler, '"'));
        // No other item than the one that is there begins so.
        Assert.Equal('b', _vocabulary.Sample(sampler, 'a', 'b'));
        Assert.All("7\"", c => Assert.Equal(c, _vocabulary.Sample(sampler, c)));
        Assert.Equal(']', _vocabulary.Sample(sampler, ']'));
    }

    [Fact]
    public void Where_no_other_item_is_left_no_token_is()
    {
        var grammar = SchemaText.Grammar(
            """{"items":{"type":"string","pattern":"^a$"},"uniqueItems":true,"minItems":2}""", strict: true);
        using var sampler = _vocabulary.Sampler(new() { Grammar = grammar })!;
        Assert.All("[\"a", c => Assert.Equal(c, _vocabulary.Sample(sampler, c)));
        Assert.Equal(ITokenSampler.None, _vocabulary.Sample(sampler, '"'));
    }

    [Fact]
    public void Grammars_without_such_items_take_no_memory_for_them()
    {
        var grammar = _vocabulary.Model.Grammars.Get(SchemaText.Grammar("""{"items":{"type":"string"}}"""));
        var text = "[\"a\",\"a\",\"b\""u8.ToArray();
        Write();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) Write();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.False(grammar.TellsItems);

        void Write()
        {
            var place = grammar.Start;
            foreach (ref readonly var part in text.AsSpan())
            {
                grammar.Allowed(place);
                place = grammar.Follow(place, new ReadOnlySpan<byte>(in part));
            }
        }
    }

    [Fact]
    public void A_clients_own_grammar_says_nothing_of_items() => Assert.Equal(
        ReasonCodes.MalformedRequest,
        Assert.Throws<RuntimeErrorException>(() => OutputGrammar.Given("root ::= \"a\" @")).Error.Code);

    public void Dispose() => _vocabulary.Dispose();

    private int[] Tokens(ulong[] mask) =>
        [.. Enumerable.Range(0, _vocabulary.Model.VocabularySize).Where(t => (mask[t >> 6] >> t & 1) == 1)];
}
