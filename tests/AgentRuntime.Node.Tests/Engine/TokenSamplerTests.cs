using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Tests.Engine;

public sealed class TokenSamplerTests : IDisposable
{
    private static readonly OutputGrammar Calls = CallGrammar.Of(
        [new("go", "{}", null)], ToolCallSyntax.Hermes, required: false);

    private readonly OddVocabulary _vocabulary = new();

    [Fact]
    public void A_call_is_bound_from_its_start_on_and_what_comes_before_is_not()
    {
        using var sampler = _vocabulary.Sampler(new() { Grammar = Calls })!;
        Write(sampler, "text with a <tool, a > and a <tool_<tool_call>");
        Assert.NotEqual('x', _vocabulary.Sample(sampler, 'x'));
    }

    [Fact]
    public void A_call_in_place_of_text_is_bound()
    {
        using var sampler = _vocabulary.Sampler(new() { Grammar = Calls })!;
        Write(sampler, "<tool_call>{\"name\": \"go\", \"arguments\": {}}</tool_call>");
        Assert.Equal(_vocabulary.Model.Eos, _vocabulary.Sample(sampler, _vocabulary.Model.Eos));
    }

    [Fact]
    public void A_token_that_ends_the_start_of_a_call_and_goes_on_otherwise_is_not_taken()
    {
        using var sampler = _vocabulary.Sampler(new() { Grammar = Calls })!;
        Write(sampler, "text <tool_call");
        var (odd, fitting) = (_vocabulary.Token(">!"), _vocabulary.Token(">{"));
        Assert.Equal(fitting, _vocabulary.Sample(sampler, odd, fitting));
        Write(sampler, "\"name\":");
        Assert.NotEqual('x', _vocabulary.Sample(sampler, 'x'));
    }

    [Fact]
    public void It_may_come_wherever_it_ends_no_start_of_a_call()
    {
        using var sampler = _vocabulary.Sampler(new() { Grammar = Calls })!;
        Write(sampler, "<tool_cal");
        Assert.Equal(_vocabulary.Token(">!"), _vocabulary.Sample(sampler, _vocabulary.Token(">!")));
        Write(sampler, "<tool_cal");
        Assert.Equal(_vocabulary.Token("l>\n"), _vocabulary.Sample(sampler, _vocabulary.Token("l>\n")));
        Assert.NotEqual('x', _vocabulary.Sample(sampler, 'x'));
    }

    [Fact]
    public void Where_no_token_fits_none_is_chosen()
    {
        foreach (var temperature in (float[])[0, 1])
        {
            using var sampler = TokenSampler.Create(
                new([1], 100, new()
                {
                    Temperature = temperature, MinP = 0.1f, TopK = 40, TopP = 0.9f,
                    Grammar = new("root ::= \"a\" [^\\x00-\\UFFFFFFFF]\n"),
                }),
                _vocabulary.Model)!;
            Assert.Equal('a', _vocabulary.Sample(sampler, 'a'));
            Assert.Equal(ITokenSampler.None, _vocabulary.Sample(sampler, 'a'));
        }
    }

    [Fact]
    public async Task An_answer_that_no_token_continues_fails_alone()
    {
        await using var node = await DemoNode.StartAsync();
        var generation = node.Service.Engine.Submit(new([1, 2, 3], 20, new()
        {
            Grammar = new("root ::= \"a\" [^\\x00-\\UFFFFFFFF]\n"),
        }));
        var events = new List<GenerationEvent>();
        await foreach (var e in generation.Events.ReadAllAsync()) events.Add(e);

        Assert.Equal(ReasonCodes.MalformedRequest, events[^1].End!.Error!.Code);
        Assert.Equal(200, (await DemoNode.PostAsync(node, "/v1/chat/completions", DemoNode.Chat("next", 4))).Status);
    }

    [Fact]
    public async Task An_answer_that_may_go_on_in_too_many_ways_fails_alone()
    {
        await using var node = await DemoNode.StartAsync();
        var generation = node.Service.Engine.Submit(new([1, 2, 3], 20, new()
        {
            Grammar = OutputGrammar.Given("root ::= \"q\" s{1000000}\ns ::= \"x\"?"),
        }));
        var events = new List<GenerationEvent>();
        await foreach (var e in generation.Events.ReadAllAsync()) events.Add(e);

        Assert.Equal(ReasonCodes.UnsupportedParameter, events[^1].End!.Error!.Code);
        Assert.Equal(200, (await DemoNode.PostAsync(node, "/v1/chat/completions", DemoNode.Chat("next", 4))).Status);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Where_a_grammar_may_go_on_in_too_many_ways_nothing_more_is_chosen(float temperature)
    {
        using var sampler = TokenSampler.Create(
            new([1], 100, new()
            {
                Temperature = temperature, TopK = 1,
                Grammar = OutputGrammar.Given("root ::= \"q\" s{1000000}\ns ::= \"x\"?"),
            }),
            _vocabulary.Model)!;
        Assert.Equal(ITokenSampler.TooWide, _vocabulary.Sample(sampler, 'q'));
        Assert.Equal(ITokenSampler.TooWide, _vocabulary.Sample(sampler, 'x'));
        Assert.Equal(ITokenSampler.TooWide, _vocabulary.Sample(sampler, _vocabulary.Model.Eos));
    }

    [Fact]
    public void Alternatives_that_begin_alike_and_contain_one_another_are_gone_on_with()
    {
        using var sampler = _vocabulary.Sampler(
            new() { Grammar = OutputGrammar.OfSchema(Grammar.RandomGrammar.Alike(2)) })!;
        for (var level = 0; level < 100; level++) Write(sampler, "{\"x\":");
        Assert.NotEqual('x', _vocabulary.Sample(sampler, 'x'));
    }

    [Fact]
    public void The_names_of_control_tokens_are_no_text()
    {
        using var sampler = _vocabulary.Sampler(new() { Grammar = OutputGrammar.OfAnyObject() })!;
        Write(sampler, "{\"a");
        var start = _vocabulary.Token("<|im_start|>");
        Assert.Equal('b', _vocabulary.Sample(sampler, start, 'b'));
    }

    [Fact]
    public void Repetition_counts_the_prompt_and_the_answer_and_the_other_penalties_the_answer()
    {
        using var repetition = _vocabulary.Sampler(new() { RepetitionPenalty = 2 }, 'a')!;
        Assert.Equal('b', _vocabulary.Sample(repetition, 'a', 'b', 'c'));
        Assert.Equal('c', _vocabulary.Sample(repetition, 'a', 'b', 'c'));
        using var presence = _vocabulary.Sampler(new() { PresencePenalty = 2 }, 'a')!;
        Assert.Equal('a', _vocabulary.Sample(presence, 'a', 'b', 'c'));
        Assert.Equal('b', _vocabulary.Sample(presence, 'a', 'b', 'c'));
    }

    [Fact]
    public void Bias_moves_a_token_and_one_that_is_not_of_the_vocabulary_moves_nothing()
    {
        using var sampler = _vocabulary.Sampler(new()
        {
            LogitBias = new Dictionary<int, float> { ['a'] = -5, [-1] = 100, [1 << 20] = 100 },
        })!;
        Assert.Equal('b', _vocabulary.Sample(sampler, 'a', 'b'));
    }

    public void Dispose() => _vocabulary.Dispose();

    /// <summary>Writes a text byte by byte, each as likely as can be.</summary>
    private void Write(TokenSampler sampler, string text) =>
        Assert.All(Encoding.UTF8.GetBytes(text), b => Assert.Equal(b, _vocabulary.Sample(sampler, b)));
}
