namespace AgentRuntime.Conformance.Cedar;

/// <summary>
/// Where a test's files lie. Tests name them relative to the corpus' root, and people point at the root or at a folder
/// in it.
/// </summary>
internal sealed class CorpusFiles(string directory)
{
    private readonly string _root = Path.GetFullPath(directory);

    /// <summary>All test files, in order; entities, validation verdicts and JSON schemas are not tests.</summary>
    public IEnumerable<string> Tests() =>
        Directory.EnumerateFiles(_root, "*.json", SearchOption.AllDirectories)
            .Where(f => !f.EndsWith(".entities.json", StringComparison.Ordinal)
                && !f.EndsWith(".validation.json", StringComparison.Ordinal)
                && !f.EndsWith(".cedarschema.json", StringComparison.Ordinal)
                && !f.Contains("/sample-data/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    public string Read(string test, string named) => File.ReadAllText(Find(test, named));

    public byte[] ReadBytes(string test, string named) => File.ReadAllBytes(Find(test, named));

    /// <summary>The official validator's verdicts, from the folder or one beside it, or null.</summary>
    public string? Verdicts(string test)
    {
        var name = $"{Path.GetFileNameWithoutExtension(test)}.validation.json";
        foreach (var folder in Above(Path.GetDirectoryName(test)!))
        {
            foreach (var candidate in new[] { Path.Combine(folder, name),
                Path.Combine(folder, "corpus-tests-validation", name) })
                if (File.Exists(candidate)) return candidate;
        }

        return null;
    }

    private string Find(string test, string named)
    {
        foreach (var folder in Above(Path.GetDirectoryName(test)!))
            if (File.Exists(Path.Combine(folder, named))) return Path.Combine(folder, named);
        var beside = Path.Combine(Path.GetDirectoryName(test)!, Path.GetFileName(named));
        return File.Exists(beside)
            ? beside : throw new FileNotFoundException($"{test} names {named}, which is not there");
    }

    // From the test's folder up to one above the given one, so that a sibling of it is found too.
    private IEnumerable<string> Above(string folder)
    {
        var stop = Path.GetDirectoryName(_root);
        for (var at = folder; at is not null; at = Path.GetDirectoryName(at))
        {
            yield return at;
            if (at == stop) yield break;
        }
    }
}
