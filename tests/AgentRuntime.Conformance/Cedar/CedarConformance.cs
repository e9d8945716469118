using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Conformance.Cedar;

/// <summary>
/// Runs a folder in the format of cedar-policy/cedar-integration-tests: each request's decision, determining policies
/// and errors count as one check, which passes when the policies as written, written again as text, and carried
/// through JSON all give the official answer.
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
            (string Form, CedarPolicySet Policies, CedarEntities Entities)[] forms;
            try
            {
                test = CorpusTest.Read(files, path);
                if (test is null) continue;
                var policies = CedarPolicySet.Parse(test.PolicyText, Path.ChangeExtension(path, ".cedar"));
                var text = string.Join('\n', policies.Policies);
                forms =
                [
                    ("as written", policies, test.Entities),
                    ("as text again", CedarPolicySet.Parse(text), CedarEntities.ParseJson(test.Entities.ToJson())),
                    ("through JSON", CedarPolicySet.ParseJson(policies.ToJson()), test.Entities),
                ];
            }
            catch (Exception error) when (error is CedarException or IOException)
            {
                failed++;
                failures.WriteLine($"{path}: {error.Message}");
                continue;
            }

            if (files.Verdicts(path) is { } verdicts)
            {
                foreach (var (check, difference) in OfficialVerdicts.Read(verdicts).Compare(test, forms[0].Policies))
                {
                    if (difference is null)
                    {
                        passed++;
                        continue;
                    }

                    failed++;
                    failures.WriteLine($"{path}: {check}: {difference}");
                }
            }
            else if (CedarValidator.Validate(test.Schema, forms[0].Policies).IsValid != test.ShouldValidate)
            {
                failed++;
                failures.WriteLine($"{path}: strict validation: expected {test.ShouldValidate}");
            }
            else
            {
                passed++;
            }

            foreach (var request in test.Requests)
            {
                var difference = forms
                    .Select(f => (f.Form, Found: request.Difference(
                        CedarAuthorizer.Authorize(f.Policies, f.Entities, request.Request))))
                    .Where(d => d.Found is not null)
                    .Select(d => $"{d.Form}: {d.Found}")
                    .FirstOrDefault();
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
