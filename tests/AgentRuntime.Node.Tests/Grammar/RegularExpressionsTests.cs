using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>Random expressions against the sets of texts that they stand for.</summary>
public sealed class RegularExpressionsTests
{
    private const int Longest = 5;

    private static readonly string[] Texts =
        [.. Enumerable.Range(0, Longest + 1).SelectMany(length => Words(length))];

    [Fact]
    public void A_text_is_one_of_an_expressions_when_its_set_has_it()
    {
        var random = new Random(1);
        var (some, all) = (0, 0);
        for (var i = 0; i < 400; i++)
        {
            var expressions = new RegularExpressions();
            var (expression, texts) = Make(expressions, random, 4);
            foreach (var text in Texts)
            {
                var rest = text.Aggregate(expression, (e, c) => expressions.Derive(e, c));
                Assert.True(texts.Contains(text) == expressions.MayBeEmpty(rest), $"{i}: '{text}'");
            }

            some += texts.Count > 0 ? 1 : 0;
            all += texts.Count == Texts.Length ? 1 : 0;
            var machine = RegularMachine.Of(expressions, expression, 10_000);
            if (machine is null) Assert.Empty(texts);
        }

        Assert.InRange(some - all, 200, 400);
    }

    [Fact]
    public void Alike_expressions_are_the_same_one()
    {
        var e = new RegularExpressions();
        var (a, b) = (e.Set(['a', 'a']), e.Set(['b', 'b']));
        Assert.Equal(e.Or(a, b), e.Or(b, a, e.Set(['a', 'b'])));
        Assert.Equal(e.And(e.Not(a), b), e.And(b, e.Not(a), RegularExpressions.All));
        Assert.Equal(e.Sequence(a, e.Sequence(b, a)), e.Sequence(e.Sequence(a, b), a));
        Assert.Equal(RegularExpressions.All, e.Or(a, e.Not(RegularExpressions.None)));
        Assert.Equal(RegularExpressions.None, e.And(a, RegularExpressions.Empty));
        Assert.Equal(a, e.Not(e.Not(a)));
    }

    [Theory]
    [InlineData(7, 0)]
    [InlineData(12, 0)]
    [InlineData(100, 0)]
    [InlineData(25, 2)]
    [InlineData(15, 1)]
    public void Multiples_are_told_by_their_digits(int of, int places)
    {
        var expressions = new RegularExpressions();
        var multiples = expressions.Multiple(of, places);
        var unit = (decimal)Math.Pow(10, -places);
        for (var i = -3000; i <= 3000; i++)
        {
            var number = i * 0.05m;
            var text = number.ToString(System.Globalization.CultureInfo.InvariantCulture);
            var rest = text.Aggregate(multiples, (e, c) => expressions.Derive(e, c));
            Assert.True(number % (of * unit) == 0 == expressions.MayBeEmpty(rest), text);
        }
    }

    [Fact]
    public void What_costs_too_much_is_refused()
    {
        var expressions = new RegularExpressions();
        var any = expressions.Set(['a', 'b']);
        var end = expressions.Sequence(expressions.Set(['a', 'a']), expressions.Repeated(any, 30, 30));
        var wide = expressions.Sequence(RegularExpressions.All, end);
        Assert.Throws<FormatException>(() => RegularMachine.Of(expressions, wide, 4000));
        Assert.Throws<FormatException>(() => RegularMachine.Of(expressions, wide, int.MaxValue));
    }

    /// <summary>An expression, and which of the texts are its.</summary>
    private static (int Expression, HashSet<string> Texts) Make(RegularExpressions e, Random random, int depth)
    {
        if (depth == 0 || random.Next(5) == 0)
        {
            return random.Next(5) switch
            {
                0 => (RegularExpressions.Empty, [""]),
                1 => (RegularExpressions.All, [.. Texts]),
                2 => (e.Any, ["a", "b", "c"]),
                3 => (e.Set(['a', 'b']), ["a", "b"]),
                _ => (e.Literals(["ab", "a", "abc", "ca"]), ["ab", "a", "abc", "ca"]),
            };
        }

        var (one, its) = Make(e, random, depth - 1);
        if (random.Next(5) == 0) return (e.Not(one), [.. Texts.Except(its)]);
        if (random.Next(4) == 0)
        {
            var (least, most) = (random.Next(3), random.Next(3) + 2);
            var unbounded = random.Next(2) == 0;
            return (e.Repeated(one, least, unbounded ? null : most), Repeated(its, least, unbounded ? 9 : most));
        }

        var (two, others) = Make(e, random, depth - 1);
        return random.Next(3) switch
        {
            0 => (e.Or(one, two), [.. its.Union(others)]),
            1 => (e.And(one, two), [.. its.Intersect(others)]),
            _ => (e.Sequence(one, two), Behind(its, others)),
        };
    }

    private static HashSet<string> Repeated(HashSet<string> texts, int least, int most)
    {
        HashSet<string> all = [], now = [""];
        for (var i = 0; i <= most; i++)
        {
            if (i >= least) all.UnionWith(now);
            now = Behind(now, texts);
        }

        return all;
    }

    private static HashSet<string> Behind(HashSet<string> first, HashSet<string> rest) =>
        [.. first.SelectMany(a => rest.Where(b => a.Length + b.Length <= Longest).Select(b => a + b))];

    private static IEnumerable<string> Words(int length) => length == 0 ? [""]
        : Words(length - 1).SelectMany(word => "abc".Select(c => word + c));
}
