using System.Buffers;
using System.Text;
using System.Text.Json;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

public sealed class TokenGrammarTests : IDisposable
{
    private static readonly SearchValues<char> JsonMarks = SearchValues.Create("{}[]\",:");

    private readonly OddVocabulary _vocabulary = new();

    [Theory]
    [InlineData("true")]
    [InlineData("""{"type":"object"}""")]
    [InlineData("""{"type":"array","items":{"type":"string","maxLength":5},"minItems":2}""")]
    [InlineData("""{"properties":{"a":{"type":"number"},"é":{"enum":["漢字","漢","x"]},"b":{}},"required":["b"]}""")]
    [InlineData("""{"anyOf":[{"type":"integer","minimum":0},{"type":"null"},{"const":"a\n\"b\""}]}""")]
    [InlineData("""{"$ref":"#/$defs/t","$defs":{"t":{"type":"array","items":{"$ref":"#/$defs/t"}}}}""")]
    public void The_tokens_of_a_schema_are_those_that_llama_cpp_finds(string schema)
    {
        var grammar = OutputGrammar.OfSchema(JsonElement.Parse(schema));
        for (var seed = 0; seed < 4; seed++) Compare(grammar, new Random(seed), 40);
    }

    [Fact]
    public void The_tokens_of_a_random_grammar_are_those_that_llama_cpp_finds()
    {
        for (var seed = 0; seed < 60; seed++)
            Compare(new(RandomGrammar.Of(seed, mayBeEmpty: false)), new Random(seed), 8);
    }

    [Fact]
    public void What_is_found_out_for_one_answer_serves_the_next()
    {
        var grammars = _vocabulary.Model.Grammars;
        var grammar = OutputGrammar.OfAnyObject();
        var first = grammars.Get(grammar);
        Assert.Same(first, grammars.Get(OutputGrammar.OfAnyObject()));
        Assert.Same(first.Allowed(first.Start), first.Allowed(first.Start));
        for (var i = 0; i < 20; i++) grammars.Get(OutputGrammar.OfChoice([$"{i}"]));
        Assert.NotSame(first, grammars.Get(grammar));
    }

    [Fact]
    public void One_that_has_taken_its_memory_begins_anew()
    {
        var grammars = _vocabulary.Model.Grammars;
        var grammar = OutputGrammar.Given("root ::= \"a\"{0,1000000}");
        var first = grammars.Get(grammar);
        var at = first.Start;
        while (!first.IsFull)
        {
            at = first.Follow(at, "a"u8);
            Assert.NotNull(first.Allowed(at));
        }

        Assert.NotSame(first, grammars.Get(grammar));
        var anew = first.Anew(at);
        Assert.False(anew.IsFull);
        Assert.Equal(first.Allowed(at), anew.Allowed(anew.Start));
    }

    [Fact]
    public void Where_in_a_long_repetition_a_text_is_makes_no_difference_until_its_bounds_are_near()
    {
        var grammar = OutputGrammar.Given("root ::= \"a\"{300,600} \"b\"");
        var (ours, seen) = (_vocabulary.Model.Grammars.Get(grammar), new List<ulong[]>());
        var at = ours.Start;
        for (var i = 0; i < 601; i++)
        {
            var allowed = ours.Allowed(at)!;
            var found = Tokens(allowed).ToHashSet();
            Assert.Equal(i < 600, found.Contains('a'));
            Assert.Equal(i >= 300, found.Contains('b'));
            Assert.Equal(i is >= 299 and < 600, found.Contains(_vocabulary.Token("ab")));
            if (!seen.Contains(allowed)) seen.Add(allowed);
            if (i < 600) at = ours.Follow(at, "a"u8);
        }

        Assert.InRange(seen.Count, 4, 4 * _vocabulary.Longest);
    }

    [Fact]
    public void Answers_on_several_threads_share_what_is_known()
    {
        var grammar = _vocabulary.Model.Grammars.Get(OutputGrammar.OfAnyObject());
        Parallel.For(0, 8, seed =>
        {
            var (random, at) = (new Random(seed), grammar.Start);
            for (var step = 0; step < 200; step++)
            {
                var allowed = Tokens(grammar.Allowed(at)!);
                if (allowed.Length == 0) break;
                var token = allowed[random.Next(allowed.Length)];
                if (_vocabulary.Model.EndsGeneration(token)) break;
                at = grammar.Follow(at, _vocabulary.Model.Piece(token));
                Assert.True(at.IsAlive);
            }
        });
    }

    public void Dispose() => _vocabulary.Dispose();

    /// <summary>Writes a random text, and compares at each place of it.</summary>
    private void Compare(OutputGrammar grammar, Random random, int steps)
    {
        using var theirs = new LlamaGrammar(_vocabulary.Model, grammar);
        var ours = _vocabulary.Model.Grammars.Get(grammar);
        var at = ours.Start;
        var text = new List<byte>();
        for (var step = 0; step < steps; step++)
        {
            var mask = ours.Allowed(at);
            Assert.NotNull(mask);
            var (allowed, expected) = (Tokens(mask), theirs.Allowed());
            var found = allowed.ToHashSet();
            for (var token = 0; token < expected.Length; token++)
                if (IsCompared(text, token))
                    Assert.True(expected[token] == found.Contains(token), $"{Encoding.UTF8.GetString([.. text])} "
                        + $"| {_vocabulary.Model.TokenText(token)} ({token}) in {grammar.Gbnf}");
            int[] next = [.. allowed.Where(t => !_vocabulary.Model.EndsGeneration(t))];
            int[] marks = [.. next.Where(t => _vocabulary.Model.TokenText(t).AsSpan().ContainsAny(JsonMarks))];
            if (marks.Length > 0 && random.Next(2) == 0) next = marks;
            if (next.Length == 0) return;
            var chosen = next[random.Next(next.Length)];
            Assert.True(theirs.Accept(chosen));
            at = ours.Follow(at, _vocabulary.Model.Piece(chosen));
            text.AddRange(_vocabulary.Model.Piece(chosen));
        }
    }

    /// <summary>
    /// llama.cpp takes what is no UTF-8, and the names of control tokens for text. Ours takes neither.
    /// </summary>
    private bool IsCompared(List<byte> text, int token)
    {
        if (_vocabulary.Model.EndsGeneration(token)) return true;
        var piece = _vocabulary.Model.Piece(token);
        if (piece.IsEmpty) return false;
        byte[] whole = [.. text, .. piece];
        var left = whole.AsSpan();
        while (!left.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(left, out _, out var length);
            if (status == OperationStatus.NeedMoreData) return true;
            if (status != OperationStatus.Done) return false;
            left = left[length..];
        }

        return true;
    }

    private int[] Tokens(ulong[] mask) =>
        [.. Enumerable.Range(0, _vocabulary.Model.VocabularySize).Where(t => (mask[t >> 6] >> t & 1) == 1)];
}
