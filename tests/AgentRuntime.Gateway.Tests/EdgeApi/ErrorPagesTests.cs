using System.Globalization;
using System.Text.RegularExpressions;
using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Gateway.Tests;

/// <summary>What the pages of the codes say about HTTP is what the edge answers.</summary>
public partial class ErrorPagesTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "runtime", "docs", "errors");

    /// <summary>Codes that only nodes and command lines have.</summary>
    private static readonly string[] Elsewhere =
    [
        "AR4010", "AR4011", "AR4012", "AR8001", "AR8003", "AR8004", "AR8005", "AR8006", "AR8007", "AR8008",
    ];

    [Fact]
    public void The_table_of_codes_has_the_status_of_each() =>
        Assert.All(Row().Matches(File.ReadAllText(Path.Combine(Folder, "README.md"))), row =>
        {
            var code = row.Groups["code"].Value;
            Assert.Equal(
                (code, Elsewhere.Contains(code) ? "–" : Status(code)), (code, row.Groups["status"].Value));
        });

    [Fact]
    public void A_page_that_names_a_status_names_the_right_one()
    {
        var pages = Directory.EnumerateFiles(Folder, "AR*.md")
            .Select(file => (Code: Path.GetFileNameWithoutExtension(file), Text: File.ReadAllText(file)))
            .Where(page => Named().IsMatch(page.Text))
            .ToArray();

        Assert.NotEmpty(pages);
        Assert.All(pages, page => Assert.Equal(
            (page.Code, Status(page.Code)), (page.Code, Named().Match(page.Text).Groups["status"].Value)));
    }

    private static string Status(string code) =>
        ErrorStatus.Of(ReasonCode.Parse(code)).ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\| \[(?<code>AR\d{4})\].*\| (?<status>\S+) \|$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Row();

    [GeneratedRegex(@"HTTP status (?<status>\d{3})", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Named();
}
