using System.Diagnostics;
using System.Text;

namespace AgentRuntime.Policies.Cedar.Tests.Authorization;

public sealed class WorkTests
{
    private static readonly EntityUid Alice = new("User", "alice");
    private static readonly EntityUid View = new("Action", "view");
    private static readonly EntityUid Photo = new("Photo", "1");

    [Fact]
    public void A_pattern_holds_for_the_texts_that_a_naive_search_finds_it_in()
    {
        var random = new Random(7);
        for (var round = 0; round < 500; round++)
        {
            var pattern = string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => Word(70) + "*"));
            pattern = random.Next(2) == 0 ? pattern : pattern[..^1];
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => Word(90)));

            var set = CedarPolicySet.Parse(
                $$"""permit(principal, action, resource) when { context.text like "{{pattern}}" };""");

            Assert.Equal(Naive(text, pattern), Ask(set, text).Decision == CedarDecision.Allow);
        }

        // Of two letters and repeating itself, so that much fits before something does not.
        string Word(int longest)
        {
            var unit = random.Next(3) switch { 0 => "a", 1 => "ab", _ => "aab" };
            var word = new StringBuilder();
            for (var length = random.Next(longest); word.Length < length; word.Append(unit))
                if (random.Next(60) == 0) word.Append('b');
            return word.ToString();
        }
    }

    [Fact]
    public void A_long_pattern_and_a_long_text_that_repeat_themselves_are_compared_in_no_time()
    {
        var half = string.Concat(Enumerable.Repeat("ab", 100_000));
        var set = CedarPolicySet.Parse(
            $$"""permit(principal, action, resource) when { context.text like "*{{half}}c{{half}}*" };""");
        var text = string.Concat(Enumerable.Repeat("ab", 2_000_000));

        var begun = Stopwatch.GetTimestamp();
        var answer = Ask(set, text);

        Assert.Equal(CedarDecision.Deny, answer.Decision);
        Assert.Empty(answer.Errors);

        // A search that begins anew at each place takes a minute or more.
        Assert.InRange(Stopwatch.GetElapsedTime(begun), TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Theory]
    [InlineData("""context.text like "*{0}*" """)]
    [InlineData("""context.text == context.same || context.text like "{0}" """)]
    [InlineData("""["{0}", context.text].contains("x")""")]
    [InlineData("""context.set.containsAll([context.text, "{0}"])""")]
    public void Policies_that_together_compare_too_much_fail(string condition)
    {
        var forbids = Enumerable.Range(0, 300)
            .Select(n => condition.Replace("{0}", $"b{n}", StringComparison.Ordinal))
            .Select(text => $"forbid(principal, action, resource) when {{ ({text}) && false }};\n");
        var set = CedarPolicySet.Parse("permit(principal, action, resource);\n" + string.Concat(forbids));

        var answer = Ask(set, new string('a', 1 << 20));

        Assert.Equal(CedarDecision.Deny, answer.DecisionFailingClosed);
        Assert.Contains(answer.Errors, e => e.Kind == CedarErrorKind.TooMuchWork);
        Assert.NotEqual(300, answer.Errors.Count);
        Assert.Equal(CedarDecision.Allow, Ask(set, "aaaa").DecisionFailingClosed);
    }

    private static CedarResponse Ask(CedarPolicySet set, string text)
    {
        var context = CedarRecord.Create(
            ("text", text), ("same", new string(text)), ("set", CedarValue.Set("a", "b", "c")));
        return CedarAuthorizer.Authorize(set, CedarEntities.Empty, new(Alice, View, Photo, context));
    }

    // Which beginnings of the text each beginning of the pattern fits.
    private static bool Naive(string text, string pattern)
    {
        var fits = new bool[text.Length + 1];
        fits[0] = true;
        foreach (var letter in pattern)
        {
            var next = new bool[text.Length + 1];
            next[0] = letter == '*' && fits[0];
            for (var i = 1; i <= text.Length; i++)
                next[i] = letter == '*' ? next[i - 1] || fits[i] : fits[i - 1] && text[i - 1] == letter;
            fits = next;
        }

        return fits[^1];
    }
}
