using AgentRuntime.Conformance.Cedar;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Cedar.Tests.Corpus;

public sealed class CorpusTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "corpus", "cedar");

    [Fact]
    public void The_part_of_the_official_corpus_that_is_checked_in_passes()
    {
        var failures = new StringWriter();

        var tally = new CedarConformance().Run(Folder, [], failures);

        Assert.True(tally.Failed == 0, failures.ToString());
        Assert.True(tally.Passed > 300, $"only {tally.Passed} checks were found");
    }

    [Fact]
    public void A_wrong_answer_in_a_corpus_fails_with_its_place()
    {
        var copy = Directory.CreateTempSubdirectory("cedar-corpus-");
        try
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(Folder, "tests", "multi")))
                File.Copy(file, Path.Combine(copy.FullName, Path.GetFileName(file)));
            foreach (var file in Directory.EnumerateFiles(
                Path.Combine(Folder, "sample-data"), "*", SearchOption.AllDirectories))
            {
                var target =
                    Path.Combine(
                    copy.FullName, "sample-data", Path.GetRelativePath(Path.Combine(Folder, "sample-data"), file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }

            var wrong = Path.Combine(copy.FullName, "1.json");
            var text = File.ReadAllText(wrong);
            var at = text.IndexOf("\"allow\"", StringComparison.Ordinal);
            File.WriteAllText(wrong, $"{text[..at]}\"deny\"{text[(at + 7)..]}");
            var failures = new StringWriter();

            var tally = new CedarConformance().Run(copy.FullName, [], failures);

            Assert.Equal(1, tally.Failed);
            Assert.Contains("1.json", failures.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }
}
