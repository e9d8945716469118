using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Runs the tests that a bundle carries, through the same code that decides on the platform. Stateless.
/// </summary>
public static class BundleTests
{
    /// <summary>Validates the bundle, then runs every test of its <c>tests/</c>.</summary>
    /// <param name="files">Text of the bundle's files by relative path with forward slashes.</param>
    /// <param name="options">The operator's options; null for the defaults.</param>
    /// <param name="cancellationToken">Cancels, between two tests too.</param>
    public static BundleTestReport Run(
        IReadOnlyDictionary<string, string> files,
        PolicyOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        options ??= new();
        var problems = new Problems();
        if (BundleCompiler.Compile(files, options, problems, cancellationToken) is not { } bundle)
            return new(problems.ToList(), []);
        var snapshot = new BundleSnapshot(bundle, options);
        return new([], bundle.Tests.Select(t => RunOne(snapshot, t, cancellationToken)).ToList());
    }

    private static BundleTestResult RunOne(
        BundleSnapshot snapshot, PolicyTestCase test, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var run = OfflineRun.Open(snapshot, test.Question.Caller);
        if (OfflineRun.Replay(run, test.Question.History, cancellationToken) is { } impossible)
        {
            var (refused, index) = impossible;
            return new(
                test.Name,
                test.Position.ToString(),
                OfflineRun.Impossible(index, refused),
                refused);
        }

        var decision = run.Decide(test.Question.ToCall());
        return new(test.Name, test.Position.ToString(), Judge(test, decision), decision);
    }

    private static string? Judge(PolicyTestCase test, Decision decision)
    {
        var got = decision.Reason is { } reason
            ? $"{decision.Verdict}, {reason.Code}: {reason.Message}"
            : $"{decision.Verdict}";
        if (decision.Verdict != test.Expected)
            return $"expected {test.Expected}, got {got}";
        if (test.Code is { } code && decision.Reason?.Code.ToString() != code)
            return $"expected {code}, got {got}";
        if (test.Reason is { } text && decision.Reason?.Message.Contains(text, StringComparison.Ordinal) != true)
            return $"expected a reason with '{text}', got {got}";
        if (test.Policies is { } policies && !policies.SequenceEqual(
            decision.DeterminingPolicies, StringComparer.Ordinal))
            return $"expected {List(policies)} to decide, got {List(decision.DeterminingPolicies)}";
        return null;
    }

    private static string List(IReadOnlyList<string> names) =>
        names.Count == 0 ? "no policy" : string.Join(", ", names);
}
