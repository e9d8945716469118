using System.Globalization;
using System.Text;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

public sealed class NumberGrammarTests
{
    private static readonly decimal[] Bounds =
    [
        -1200.5m, -100, -99.95m, -10, -1.5m, -1, -0.25m, 0, 0.001m, 0.5m, 0.75m, 1, 1.25m, 7, 9, 10, 42.42m, 99, 100,
        1234,
    ];

    private static readonly string[] Numbers =
    [
        .. Enumerable.Range(-1300, 2600).Select(i => i.ToString(CultureInfo.InvariantCulture)),
        .. Enumerable.Range(-260, 520).SelectMany(i => (string[])[Text(i / 4m), Text(i / 100m),
            Text((i / 1000m) + 42)]),
        "0.0", "7.00", "-0.25", "0.2500", "0.001", "0.0009", "0.0011", "-1200.5", "-1200.51", "42.420001", "42.419999",
    ];

    [Fact]
    public void Whole_numbers_between_bounds_are_taken()
    {
        foreach (var least in Bounds)
        {
            foreach (var most in Bounds)
            {
                if (NumberGrammar.Whole(least, most) is not { } text)
                {
                    Assert.True(Math.Ceiling(least) > Math.Floor(most));
                    continue;
                }

                var automaton = Automaton(text);
                foreach (var number in Numbers.Where(n => !n.Contains('.', StringComparison.Ordinal)))
                    Assert.True(Fits(Value(number)) == Accepts(automaton, number), $"{number} in {least} to {most}");
                bool Fits(decimal value) => value >= least && value <= most;
            }
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Numbers_between_bounds_are_taken(bool isAbove, bool isBelow)
    {
        foreach (var least in Bounds)
        {
            foreach (var most in Bounds)
            {
                var text = NumberGrammar.Any(least, isAbove, most, isBelow);
                Assert.Equal(least < most || (least == most && !isAbove && !isBelow), text is not null);
                if (text is null) continue;
                var automaton = Automaton(text);
                foreach (var number in Numbers)
                    Assert.True(Fits(Value(number)) == Accepts(automaton, number), $"{number} in {least} to {most}");
                bool Fits(decimal value) =>
                    (isAbove ? value > least : value >= least) && (isBelow ? value < most : value <= most);
            }
        }
    }

    [Fact]
    public void A_bound_may_be_missing()
    {
        var natural = Automaton(NumberGrammar.Whole(3, decimal.MaxValue)!);
        Assert.True(Accepts(natural, "9999999999999999"));
        Assert.False(Accepts(natural, "2"));
        Assert.False(Accepts(natural, "-5"));
        var negative = Automaton(NumberGrammar.Any(decimal.MinValue, isAbove: false, 0, isBelow: true)!);
        Assert.True(Accepts(negative, "-123456.75"));
        Assert.False(Accepts(negative, "0"));
        Assert.False(Accepts(negative, "-0"));
    }

    private static decimal Value(string number) => decimal.Parse(number, CultureInfo.InvariantCulture);

    private static string Text(decimal number) => number.ToString(CultureInfo.InvariantCulture);

    private static GrammarAutomaton Automaton(string text) => new(GbnfReader.Read($"root ::= {text}\n"));

    private static bool Accepts(GrammarAutomaton automaton, string text)
    {
        var at = automaton.Start;
        automaton.Begin();
        foreach (var part in Encoding.UTF8.GetBytes(text)) at = automaton.Step(at, part);
        return automaton.MayEnd(at);
    }
}
