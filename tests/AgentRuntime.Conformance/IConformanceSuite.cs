namespace AgentRuntime.Conformance;

/// <summary>One kind of <c>./tests/conformance KIND DIR</c>: runs a corpus that others wrote.</summary>
internal interface IConformanceSuite
{
    /// <summary>The kind on the command line.</summary>
    string Kind { get; }

    /// <summary>
    /// Runs every case below a folder; failures go to <paramref name="failures"/> with file and line.
    /// </summary>
    ConformanceTally Run(string directory, string[] options, TextWriter failures);
}

/// <summary>What a run of a corpus came to.</summary>
internal readonly record struct ConformanceTally(int Passed, int Failed, int Skipped)
{
    public override string ToString() =>
        Skipped == 0 ? $"{Passed} passed, {Failed} failed" : $"{Passed} passed, {Failed} failed, {Skipped} skipped";
}
