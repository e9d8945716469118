using System.Text.RegularExpressions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Architecture.Tests;

/// <summary>The house rules that a machine can check.</summary>
public partial class TidyTests
{
    private const int MaxFileLines = 800;
    private const int MaxColumns = 120;
    private const RegexOptions Linear = RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking;

    [Fact]
    public void No_source_file_is_longer_than_the_cap() =>
        Findings.AssertNone(Sources()
            .Select(file => (file, Lines: File.ReadLines(file).Count()))
            .Where(f => f.Lines > MaxFileLines)
            .Select(f => $"{SourceTree.Relative(f.file)}: {f.Lines} lines"));

    [Fact]
    public void The_median_source_file_is_small()
    {
        var lengths = Sources().Select(file => File.ReadLines(file).Count()).Order().ToArray();

        Assert.InRange(lengths[lengths.Length / 2], 1, 120);
    }

    [Fact]
    public void No_line_is_wider_than_the_cap() =>
        Findings.AssertNone(Sources().SelectMany(file => File.ReadLines(file)
            .Select((line, index) => (line, index))
            .Where(l => l.line.Length > MaxColumns)
            .Select(l => $"{SourceTree.Relative(file)}:{l.index + 1}: {l.line.Length} columns")));

    [Fact]
    public void No_file_is_named_after_nothing() =>
        Findings.AssertNone(Sources().Select(SourceTree.Relative)
            .Where(file => EmptyName().IsMatch(Path.GetFileNameWithoutExtension(file))));

    [Fact]
    public void No_source_file_holds_a_note_to_self() =>
        Findings.AssertNone(Sources()
            .Where(file => Path.GetFileName(file) != "TidyTests.cs")
            .SelectMany(file => File.ReadLines(file)
                .Select((line, index) => (line, index))
                .Where(l => NoteToSelf().IsMatch(l.line))
                .Select(l => $"{SourceTree.Relative(file)}:{l.index + 1}")));

    [Fact]
    public void No_file_names_a_package_registry() =>
        Findings.AssertNone(SourceTree.Files("*")
            .Where(file => new FileInfo(file).Length < 4 << 20)
            .Where(file => Registry().IsMatch(File.ReadAllText(file)))
            .Select(SourceTree.Relative));

    [Fact]
    public void The_top_level_holds_only_what_the_design_names()
    {
        string[] folders = ["runtime", "policies", "sandboxes", "gateway", "tests"];

        Findings.AssertNone(Directory.EnumerateDirectories(Repository.Root).Select(folder => Path.GetFileName(folder))
            .Where(name => !name.StartsWith('.')).Except(folders));
    }

    [Fact]
    public void Every_script_can_be_executed() =>
        Findings.AssertNone(SourceTree.Files("*")
            .Where(file => Path.GetExtension(file).Length == 0 && StartsWithShebang(file))
            .Where(file => !File.GetUnixFileMode(file).HasFlag(UnixFileMode.UserExecute))
            .Select(SourceTree.Relative));

    private static IEnumerable<string> Sources() => SourceTree.Files("*.cs");

    private static bool StartsWithShebang(string file)
    {
        using var stream = File.OpenRead(file);
        return stream.ReadByte() == '#' && stream.ReadByte() == '!';
    }

    [GeneratedRegex("(Manager|Helper|Helpers|Util|Utils|Utility|Common|Misc)$", Linear)]
    private static partial Regex EmptyName();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b|NotImplementedException", Linear)]
    private static partial Regex NoteToSelf();

    [GeneratedRegex(@"//[a-z.]*(nuget|npmjs|pypi)[a-z.]*\.org", Linear)]
    private static partial Regex Registry();
}
