using System.Text;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies.Tests;

public sealed class YamlReaderTests
{
    [Fact]
    public void A_billion_laughs_are_refused_before_they_are_laughed()
    {
        var text = new StringBuilder("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for (var i = 1; i <= 9; i++)
            text.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        var bytes = GC.GetAllocatedBytesForCurrentThread();

        var problems = Read(text.ToString());

        Assert.Contains(
            "more than 50000 nodes once aliases are expanded", Assert.Single(problems), StringComparison.Ordinal);
        // The laughs are ten billion nodes; those that are allowed take some megabytes.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - bytes, 1, 32 << 20);
    }

    [Theory]
    [InlineData("a: &x {b: *x}", "names no anchor that is complete")]
    [InlineData("a: *nobody", "names no anchor")]
    [InlineData("a: 1\na: 2", "'a' is given twice")]
    [InlineData("a: 1\n---\nb: 2", "a second document")]
    [InlineData("? [a, b]\n: 1", "a key must be text")]
    [InlineData("x: &d {a: 1}\ny: {<<: *d}", "merge keys are not supported")]
    [InlineData("a: [1, 2", "not readable as YAML")]
    [InlineData("a: \"\\q\"", "not readable as YAML")]
    public void What_is_ambiguous_or_broken_is_refused(string text, string expected)
    {
        Assert.Contains(Read(text), p => p.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void Depth_and_size_are_bounded()
    {
        var deep = new string('[', 40) + new string(']', 40);
        var wide = "a: [" + string.Join(", ", Enumerable.Repeat("1", 60_000)) + "]";
        var abyss = new string('[', 200_000);

        Assert.Contains("nested deeper than 32", Assert.Single(Read(deep)), StringComparison.Ordinal);
        Assert.Contains("more than 50000 nodes", Assert.Single(Read(wide)), StringComparison.Ordinal);
        Assert.Single(Read(abyss));
    }

    [Fact]
    public void Aliases_nest_no_deeper_than_what_is_written_out()
    {
        static string Nested(int levels) =>
            $"a: &a {Brackets(20, "1")}\nb: {Brackets(levels, "*a")}";
        static string Brackets(int levels, string inner) =>
            new string('[', levels) + inner + new string(']', levels);

        Assert.Empty(Read(Nested(11)));
        Assert.Contains(
            "nested deeper than 32 once aliases are expanded",
            Assert.Single(Read(Nested(12))),
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_alias_shares_its_node()
    {
        var problems = new Problems();

        var root = (YamlMapping)YamlReader.Read("f.yaml", "a: &x {n: 1}\nb: *x", problems)!;

        Assert.False(problems.Any);
        Assert.Same(root.Entries[0].Value, root.Entries[1].Value);
    }

    [Theory]
    [InlineData("64MiB", 67_108_864L)]
    [InlineData("1_000B", 1_000L)]
    [InlineData("2 KB", 2_000L)]
    [InlineData("9GiB", 9_663_676_416L)]
    [InlineData("64", null)]
    [InlineData("-1KiB", null)]
    [InlineData("1.5MiB", null)]
    [InlineData("99999999999GiB", null)]
    [InlineData("64mib", null)]
    public void Sizes_have_units(string text, long? bytes)
    {
        Assert.Equal(bytes, Quantities.TrySize(text, out var size) ? size.Value : null);
    }

    [Theory]
    [InlineData("250ms", 250L)]
    [InlineData("5s", 5_000L)]
    [InlineData("2m", 120_000L)]
    [InlineData("1h", 3_600_000L)]
    [InlineData("1d", 86_400_000L)]
    [InlineData("5", null)]
    [InlineData("5 weeks", null)]
    public void Durations_have_units(string text, long? milliseconds)
    {
        Assert.Equal(milliseconds, Quantities.TryDuration(text, out var time) ? (long)time.TotalMilliseconds : null);
    }

    [Theory]
    [InlineData("lokup", "lookup")]
    [InlineData("Lookup", "lookup")]
    [InlineData("refnud", "refund")]
    [InlineData("zzzzzz", null)]
    public void The_nearest_name_is_what_was_probably_meant(string typed, string? meant)
    {
        Assert.Equal(meant, NearestName.Find(typed, ["lookup", "refund", "delete_customer"]));
    }

    private static List<string> Read(string text)
    {
        var problems = new Problems();
        YamlReader.Read("f.yaml", text, problems);
        return problems.ToList().Select(p => p.ToString()).ToList();
    }
}
