using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

public sealed class PatternGrammarTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("^a$")]
    [InlineData("^a|b$|^c+$")]
    [InlineData("^(a|b)*c?$")]
    [InlineData("^[^a-b]{2,3}$")]
    [InlineData("^[a-c\\]1]+?$")]
    [InlineData("a{2}|(?:b|)c")]
    [InlineData("^(?<name>ab?){1,2}$")]
    [InlineData("^\\d+\\.?$|\\x61\\u0062")]
    [InlineData("^.\\W\\s*$")]
    [InlineData("^[\\w.]*$")]
    [InlineData("^[\"\\\\\\n]+$")]
    [InlineData("^$")]
    [InlineData("")]
    [InlineData("^\\u{1F600}|\\uD83D\\uDE00a$")]
    public void A_string_is_taken_when_it_matches(string pattern)
    {
        var automaton = Automaton(PatternGrammar.OfString(pattern, 0, null));
        var known = new Regex(
            pattern.Replace("\\u{1F600}", "\U0001F600", StringComparison.Ordinal), RegexOptions.ECMAScript,
            TimeSpan.FromSeconds(1));
        string[] letters = ["a", "b", "c", "1", "]", ".", " ", "\"", "\\", "\n", "\U0001F600"];
        var random = new Random(1);
        var matched = 0;
        foreach (var text in Texts(letters, random))
        {
            // What .NET takes for two characters is one here.
            if (text.Contains('\uD83D', StringComparison.Ordinal)
                && (pattern.Contains("[^", StringComparison.Ordinal)
                    || pattern.Contains('.', StringComparison.Ordinal)))
                continue;
            // And its $ takes a line's end before the end.
            if (text.EndsWith('\n') && pattern.Contains('$', StringComparison.Ordinal)) continue;
            var expected = known.IsMatch(text);
            matched += expected ? 1 : 0;
            Assert.True(expected == Accepts(automaton, Json(text)), text);
        }

        Assert.InRange(matched, 1, int.MaxValue);
    }

    [Theory]
    [InlineData("^(?=.*\\d)(?=.*[a-c]).{2,4}$")]
    [InlineData("^(?!a|.*b$)")]
    [InlineData("a(?=b)|c(?![a1]$)")]
    [InlineData("(^a|b$)c?")]
    [InlineData("a$|^b")]
    [InlineData("a$b|c^|b$")]
    [InlineData("\\ba\\b")]
    [InlineData("\\Bb|^\\b1")]
    [InlineData("^(\\d(?=a))?[a-c1]+$")]
    [InlineData("(?=)")]
    public void Places_and_what_lies_ahead_are_kept(string pattern)
    {
        var known = new Regex(pattern, RegexOptions.ECMAScript, TimeSpan.FromSeconds(1));
        var (part, whole) = (PatternGrammar.Part(pattern), PatternGrammar.Whole(pattern));
        var all = new Regex($"^(?:{pattern})$", RegexOptions.ECMAScript, TimeSpan.FromSeconds(1));
        var automaton = new GrammarAutomaton(GbnfReader.Read(part!));
        foreach (var text in Texts(["a", "b", "c", "1", ".", " "], new Random(3)))
        {
            Assert.True(known.IsMatch(text) == Accepts(automaton, text), text);
            Assert.True(!all.IsMatch(text) || whole is not null, text);
            if (whole is not null)
                Assert.True(all.IsMatch(text) == Accepts(new(GbnfReader.Read(whole)), text), text);
        }
    }

    [Fact]
    public void An_answer_is_of_the_pattern_from_end_to_end()
    {
        var automaton = new GrammarAutomaton(GbnfReader.Read(PatternGrammar.Whole("\"[^\"]*\"|\\d{1,3}")!));
        Assert.True(Accepts(automaton, "\"a\\\n\""));
        Assert.True(Accepts(automaton, "123"));
        Assert.False(Accepts(automaton, "1234"));
        Assert.False(Accepts(automaton, "a"));
    }

    [Fact]
    public void Bounds_of_length_hold_for_one_class_of_characters()
    {
        var automaton = Automaton(PatternGrammar.OfString("^[A-Z]+$", 2, 3));
        Assert.Equal([false, false, true, true, false], ((string[])["", "A", "AB", "ABC", "ABCD"])
            .Select(text => Accepts(automaton, $"\"{text}\"")));
        Assert.Null(PatternGrammar.OfString("^[A-Z]{4}$", 2, 3));
    }

    [Theory]
    [InlineData("(?<!a)b")]
    [InlineData("(?<=a)b")]
    [InlineData("a*^b")]
    [InlineData(".\\bword")]
    [InlineData("(?=a)*")]
    [InlineData("(a(?=b)){2}")]
    [InlineData("^(?:(?!ab).)*$")]
    [InlineData("(a)\\1")]
    [InlineData("[b-a]")]
    [InlineData("[a")]
    [InlineData("a**")]
    [InlineData("a{2,1}")]
    [InlineData("a{99999}")]
    [InlineData("*")]
    [InlineData("(a")]
    [InlineData("a)")]
    [InlineData("\\")]
    [InlineData("\\xZ1")]
    [InlineData("\\u{110000}")]
    [InlineData("\\p{L}")]
    [InlineData("[^\\s\\S]")]
    public void What_no_grammar_says_is_not_read(string pattern) => Assert.Null(PatternGrammar.Whole(pattern));

    [Fact]
    public void Noise_is_read_or_not()
    {
        const string Signs = "ab01^$.*+?{},()[]|\\-dwsxu:<>=!\n\uD83D";
        var (random, read) = (new Random(2), 0);
        for (var i = 0; i < 20_000; i++)
        {
            var pattern = string.Concat(
                Enumerable.Range(0, random.Next(12)).Select(_ => Signs[random.Next(Signs.Length)]));
            if (PatternGrammar.OfString(pattern, 0, null) is not { } text) continue;
            read++;
            GbnfReader.Read($"root ::= {text}");
        }

        Assert.InRange(read, 1000, 19_000);
        Assert.Null(PatternGrammar.Whole(new string('(', 100) + new string(')', 100)));
        Assert.Null(PatternGrammar.Whole(new string('a', 5000)));
        Assert.Null(PatternGrammar.Whole("\uD800"));
    }

    [Theory]
    [InlineData("date", "2024-02-29", "2024-13-01 24-01-01 2023-02-29 1900-02-29 2024-04-31")]
    [InlineData("date", "2000-02-29", "2000-02-30")]
    [InlineData("duration", "P1Y2M3DT4H5M6S", "P P1 PT 1D P1S P1DT P1W2D")]
    [InlineData("duration", "P2W", "P2WT1H")]
    [InlineData("hostname", "a-1.example.org", "-a.org a-.org a..b a_b .")]
    [InlineData("ipv6", "2001:db8::1", "1::2::3 12345::1 ::1%25lo 1:2:3:4:5:6:7")]
    [InlineData("ipv6", "::ffff:10.0.0.1", "::ffff:10.0.0.256 1:2:3:4:5:6:7:8:9")]
    [InlineData("ipv6", "1:2:3:4:5:6:7:8", ":1:2:3:4:5:6:7")]
    [InlineData("uri", "https://u:p@[::1]:80/a%20b/;c?d=/?#e", "/a a//b http://[::1 http://a/%2 http://a/[b] 1a:b")]
    [InlineData("uri", "mailto:a@b", "mailto:a^b http://\u00e4.org")]
    [InlineData("uri-reference", "../a?b#c", "a^b #a#b")]
    [InlineData("iri", "http://\u00e4.org/\u4e2d", "http://\u0080.org http://a^ a")]
    [InlineData("iri-reference", "\u00e4/b:c", "a^b \u00e4:b")]
    [InlineData("json-pointer", "/a~1b/~0/0", "a /~2 /~")]
    [InlineData("time", "23:59:59.5+01:00", "24:00:00Z 12:00:00")]
    [InlineData("date-time", "2024-02-29T00:00:00Z", "2024-02-29")]
    [InlineData("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000")]
    [InlineData("ipv4", "255.10.0.1", "256.1.1.1 1.1.1 01.1.1.1")]
    [InlineData("email", "a.b+c@x-y.example.org", "a@b @b.co a..b@c.de a@-b.co a@b.c")]
    public void Formats_have_patterns(string format, string fitting, string others)
    {
        var automaton = Automaton(PatternGrammar.OfString(StringFormats.Pattern(format)!, 0, null));
        Assert.True(Accepts(automaton, $"\"{fitting}\""));
        Assert.All(others.Split(' '), other => Assert.False(Accepts(automaton, $"\"{other}\""), other));
        Assert.Null(StringFormats.Pattern("color"));
    }

    private static string Json(string text) => '"' + text.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal) + '"';

    private static IEnumerable<string> Texts(string[] letters, Random random) =>
        letters.SelectMany(a => letters.Select(b => a + b)).Concat(letters).Append("").Concat(Enumerable.Range(0, 500)
            .Select(_ => string.Concat(
                Enumerable.Range(0, random.Next(3, 7)).Select(_ => letters[random.Next(letters.Length)]))));

    private static GrammarAutomaton Automaton(string? text)
    {
        Assert.NotNull(text);
        return new(GbnfReader.Read(string.Create(CultureInfo.InvariantCulture, $"root ::= {text}\n")));
    }

    private static bool Accepts(GrammarAutomaton automaton, string text)
    {
        var at = automaton.Start;
        automaton.Begin();
        foreach (var part in Encoding.UTF8.GetBytes(text)) at = automaton.Step(at, part);
        return automaton.MayEnd(at);
    }
}
