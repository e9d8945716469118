using System.Reflection;
using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Architecture.Tests;

/// <summary>Every reason code has a page that people can look up, and every page a code.</summary>
public class ReasonCodeTests
{
    [Fact]
    public void Codes_are_unique() => Assert.Equal(Codes().Length, Codes().Distinct().Count());

    [Fact]
    public void Every_code_has_a_page() => Findings.AssertNone(Codes().Except(Pages()));

    [Fact]
    public void Every_page_has_a_code() => Findings.AssertNone(Pages().Except(Codes()));

    [Fact]
    public void Every_page_says_what_happened_and_what_to_do() =>
        Findings.AssertNone(Pages().Where(code =>
        {
            var text = File.ReadAllText(Path.Combine(Folder, code + ".md"));
            return !text.StartsWith($"# {code}: ", StringComparison.Ordinal) || text.Split('\n').Length < 5;
        }));

    [Fact]
    public void The_table_of_codes_has_every_page_by_its_title() =>
        Assert.Equal(
            Pages().Order(StringComparer.Ordinal).Select(code => $"{code}: {Title(code)}"),
            File.ReadLines(Path.Combine(Folder, "README.md"))
                .Where(line => line.StartsWith("| [AR", StringComparison.Ordinal))
                .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
                .Select(cells => $"{cells[1][1..7]}: {cells[2]}"));

    private static string Title(string code) =>
        File.ReadLines(Path.Combine(Folder, code + ".md")).First()[$"# {code}: ".Length..];

    private static string Folder => Path.Combine(Repository.Root, "runtime", "docs", "errors");

    private static string[] Codes() => typeof(ReasonCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => field.GetValue(null)!.ToString()!)
        .ToArray();

    private static IEnumerable<string> Pages() =>
        Directory.EnumerateFiles(Folder, "AR*.md").Select(file => Path.GetFileNameWithoutExtension(file));
}
