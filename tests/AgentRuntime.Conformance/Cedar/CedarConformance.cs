using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Conformance.Cedar;

/// <summary>
/// Runs a folder in the format of cedar-policy/cedar-integration-tests: each request's decision, determining policies and
/// errors count as one check.
/// </summary>
internal sealed class CedarConformance : IConformanceSuite
{
    public string Kind => "cedar";

    public ConformanceTally Run(string directory, string[] options, TextWriter failures)
    {
        var files = new CorpusFiles(directory);
        var (passed, failed) = (0, 0);
        foreach (var path in files.Tests())
        {
            CorpusTest? test;
            CedarPolicySet policies;
            try
            {
                test = CorpusTest.Read(files, path);
                if (test is null) continue;
                policies = CedarPolicySet.Parse(test.PolicyText, Path.ChangeExtension(path, ".cedar"));
            }
            catch (Exception error) when (error is CedarException or IOException)
            {
                failed++;
                failures.WriteLine($"{path}: {error.Message}");
                continue;
            }

            foreach (var request in test.Requests)
            {
                var difference = request.Difference(CedarAuthorizer.Authorize(policies, test.Entities, request.Request));
                if (difference is null)
                {
                    passed++;
                    continue;
                }

                failed++;
                failures.WriteLine($"{path}: {request.Description}: {difference}");
            }
        }

        return new(passed, failed, 0);
    }
}
