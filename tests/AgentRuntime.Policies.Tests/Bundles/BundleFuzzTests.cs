using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Tests;

/// <summary>
/// Bundles come from tenants: whatever they hold, the answer is a list of problems and never an exception.
/// </summary>
public sealed class BundleFuzzTests
{
    private static readonly string[] Shipped = ["demo", "desk"];

    private static readonly string[] Oddities =
    [
        "null", "[]", "{}", "-1", "99999999999999999999", "true", "''", "&a [*a]", "*a", "!!int 5", "\"\\ud800\"", "|",
        "1e999", "0x10", "\t", "\0", "{", "]", "\"", "'", ": ", "- ", "#", "é", "\u202e", "permit", "forbid",
        ";", "(", ")",
        "when { context.input.order }", "@id(\"x\")", "${X}", "../..", "shop/refund", "0001-01-01T00:00:00Z", "999999d",
    ];

    [Fact]
    public void Damaged_bundles_give_problems_and_never_an_exception()
    {
        var sources = Shipped
            .Select(n => BundleFolder.Read(Path.Combine(Repository.Root, "policies", "bundles", n)))
            .Append(Sample.Bundle())
            .ToList();
        var refused = 0;
        for (var seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var files = new Dictionary<string, string>(sources[seed % sources.Count], StringComparer.Ordinal);
            for (var change = random.Next(1, 4); change > 0; change--)
                Damage(files, random);

            var report = Run(files, seed);

            refused += report.Problems.Count > 0 ? 1 : 0;
            Assert.All(report.Problems, p => Assert.Equal(ReasonCodes.InvalidBundle, p.Code));
        }

        Assert.InRange(refused, 250, 499);
    }

    [Fact]
    public void Paths_that_lead_elsewhere_are_refused()
    {
        string[] paths =
            ["../x.cedar", "/etc/passwd", "policies/../x.cedar", "policies\\x.cedar", "", "policies/a/b.cedar"];
        foreach (var path in paths)
            Assert.NotEmpty(Sample.Problems(Sample.Bundle((path, "forbid (principal, action, resource);"))));
    }

    [Fact]
    public void What_is_too_large_is_refused_unread()
    {
        var large = Sample.Problems(Sample.Bundle(("README.md", new string('x', BundleFiles.MaxFileBytes + 1))));
        var many = Sample.Problems(Enumerable.Range(0, BundleFiles.MaxFiles + 1).ToDictionary(i => $"{i}.md", _ => ""));

        Assert.Contains("at most 1048576 are read", Assert.Single(large), StringComparison.Ordinal);
        Assert.Contains("at most 500 are read", Assert.Single(many), StringComparison.Ordinal);
    }

    private static BundleTestReport Run(Dictionary<string, string> files, int seed)
    {
        try
        {
            return BundleTests.Run(files);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
        }
    }

    private static void Damage(Dictionary<string, string> files, Random random)
    {
        var path = files.Keys.Order(StringComparer.Ordinal).ElementAt(random.Next(files.Count));
        var text = new StringBuilder(files[path]);
        var at = random.Next(text.Length + 1);
        var oddity = Oddities[random.Next(Oddities.Length)];
        switch (random.Next(5))
        {
            case 0:
                text.Insert(at, oddity);
                break;
            case 1:
                text.Remove(at, Math.Min(text.Length - at, random.Next(1, 40)));
                break;
            case 2:
                var lines = files[path].Split('\n').ToList();
                var line = random.Next(lines.Count);
                lines.Insert(random.Next(lines.Count), lines[line]);
                text.Clear().AppendJoin('\n', lines);
                break;
            case 3:
                var colon = files[path].IndexOf(':', Math.Min(at, files[path].Length));
                if (colon >= 0)
                    text.Insert(colon + 1, $" {oddity} ");
                break;
            default:
                var words = files[path].Split(' ');
                words[random.Next(words.Length)] = oddity;
                text.Clear().AppendJoin(' ', words);
                break;
        }

        files[path] = text.ToString();
    }
}
