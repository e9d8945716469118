using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>What became of a bundle's own tests. Immutable.</summary>
/// <param name="Problems">What is wrong with the bundle or its tests; when there is any, no test was run.</param>
/// <param name="Tests">Every test in the order of the files.</param>
public sealed record BundleTestReport(IReadOnlyList<RuntimeError> Problems, IReadOnlyList<BundleTestResult> Tests)
{
    /// <summary>Tests that came out as expected.</summary>
    public int Passed => Tests.Count(t => t.Passed);

    /// <summary>Tests that did not.</summary>
    public int Failed => Tests.Count - Passed;

    /// <summary>Nothing is wrong, and no test failed.</summary>
    public bool Succeeded => Problems.Count == 0 && Failed == 0;
}

/// <summary>One test. Immutable.</summary>
/// <param name="Name">The sentence that says what is tested.</param>
/// <param name="Where">File and line.</param>
/// <param name="Failure">What came instead; null when it passed.</param>
/// <param name="Decision">The decision that came.</param>
public sealed record BundleTestResult(string Name, string Where, string? Failure, Decision Decision)
{
    /// <summary>It came out as expected.</summary>
    public bool Passed => Failure is null;
}
