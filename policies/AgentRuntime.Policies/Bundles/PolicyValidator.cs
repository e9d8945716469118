using AgentRuntime.Policies.Cedar;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>
/// Validates a bundle's policies against the schema that its tools give, as strictly as Cedar can, and says where in
/// the bundle each error is. A policy that can never apply is an error too: somebody relies on it. Stateless.
/// </summary>
internal static class PolicyValidator
{
    public static void Validate(
        string schemaText,
        CedarPolicySet policies,
        IReadOnlyList<GeneratedPolicy> generated,
        Problems problems,
        CancellationToken cancellationToken)
    {
        // What is wrong with servers and tools would come back once more for every policy that speaks of them.
        if (problems.AnyIn(BundleFiles.Main, "tools/"))
            return;
        if (!CedarSchema.TryParse(schemaText, out var schema, out var diagnostics))
        {
            problems.Add(new("tools", 0, 0), $"the tools give no Cedar schema: {diagnostics[0].Message}");
            return;
        }

        var result = CedarValidator.Validate(schema, policies, cancellationToken: cancellationToken);
        var sources = generated.ToDictionary(g => g.Id, StringComparer.Ordinal);
        foreach (var diagnostic in result.Errors.Concat(result.Warnings))
        {
            var source = sources.GetValueOrDefault(diagnostic.PolicyId ?? "");
            problems.Add(At(diagnostic, source), Message(diagnostic), diagnostic.Suggestion);
        }
    }

    private static BundlePosition At(CedarDiagnostic diagnostic, GeneratedPolicy? source) =>
        source is not null
            ? PolicyReader.Locate(source, diagnostic.Position)
            : PolicyReader.At(diagnostic.Position.File ?? "policies", diagnostic.Position);

    private static string Message(CedarDiagnostic diagnostic) =>
        diagnostic.Code == CedarValidationCodes.ImpossiblePolicy
            ? $"the policy '{diagnostic.PolicyId}' can never apply: {diagnostic.Message}"
            : diagnostic.Message;
}
