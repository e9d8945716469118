using AgentRuntime.Policies.Cedar;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Parses a bundle's policies, generated and hand-written, into one set with names. Stateless.</summary>
internal static class PolicyReader
{
    private static readonly string[] Annotations = ["id", "reason", "approval", "overrides", "description", "source"];
    private static readonly string[] ReservedPrefixes = ["grant:", "model:", "direct:", "memory:"];

    public const int MaxPolicies = 100_000;

    private static readonly CedarLimits Limits = new()
    {
        MaximumTextLength = BundleFiles.MaxFileBytes,
        MaximumPolicies = MaxPolicies,
        MaximumDepth = 100,
    };

    public static CedarPolicySet Read(
        IEnumerable<KeyValuePair<string, string>> files,
        IReadOnlyList<GeneratedPolicy> generated,
        Problems problems,
        CancellationToken cancellationToken)
    {
        var policies = new Dictionary<string, CedarPolicy>(StringComparer.Ordinal);
        foreach (var source in generated)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (ParseGenerated(source, problems) is { } policy)
                policies[source.Id] = policy;
        }

        foreach (var (path, text) in files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!CedarPolicySet.TryParse(text, out var set, out var diagnostics, path, Limits, idPrefix: path + "#"))
            {
                foreach (var diagnostic in diagnostics)
                    problems.Add(At(path, diagnostic.Position), diagnostic.Message, diagnostic.Suggestion);
                continue;
            }

            foreach (var template in set.Templates)
                problems.Add(
                    At(path, template.Position),
                    "a template cannot be linked in a bundle",
                    "name the principal and the resource");
            foreach (var policy in set.Policies)
                Take(path, policy, policies, problems);
        }

        if (policies.Count <= MaxPolicies)
            return CedarPolicySet.Create(policies.Values, Limits);
        problems.Add(default, $"the bundle has {policies.Count} policies", $"at most {MaxPolicies} are read");
        return CedarPolicySet.Empty;
    }

    public static BundlePosition At(string path, Cedar.SourcePosition at) => new(path, at.Line, at.Column);

    private static void Take(
        string path, CedarPolicy policy, Dictionary<string, CedarPolicy> policies, Problems problems)
    {
        var at = At(path, policy.Position);
        foreach (var (name, value) in policy.Annotations)
        {
            // '@aproval("required")' would otherwise be an approval that nobody ever asks for.
            if (!Annotations.Contains(name) && !name.StartsWith("x_", StringComparison.Ordinal))
                problems.Add(
                    at,
                    $"no annotation '@{name}' is known",
                    problems.Suggest(name, Annotations) + "; your own begin with x_");
            if (name == "approval" && (policy.Effect != CedarEffect.Permit || value != "required"))
                problems.Add(at, "'@approval' belongs on a permit, and says \"required\"");
            if (name == "overrides" && (policy.Effect != CedarEffect.Forbid || value != "grants"))
                problems.Add(at, "'@overrides' belongs on a forbid, and says \"grants\"");
        }

        var id = policy.Annotations.GetValueOrDefault("id");
        if (id is not null && Array.Exists(ReservedPrefixes, p => id.StartsWith(p, StringComparison.Ordinal)))
            problems.Add(at, $"the id '{id}' is kept for policies that come from YAML", "choose another");
        id ??= policy.Id;
        if (!policies.TryAdd(id, policy.WithId(id)))
            problems.Add(at, $"the policy id '{id}' comes twice", "rename one of them");
    }

    private static CedarPolicy? ParseGenerated(GeneratedPolicy source, Problems problems)
    {
        var valid = CedarPolicySet.TryParse(source.Text, out var set, out var diagnostics, limits: Limits);
        foreach (var diagnostic in diagnostics)
            problems.Add(
                Locate(source, diagnostic.Position), $"in 'when': {diagnostic.Message}", diagnostic.Suggestion);

        // A condition that closes its own brace could bring a policy of its own with it.
        if (!valid || set!.Policies.Count == 1)
            return set?.Policies[0].WithId(source.Id);
        problems.Add(Locate(source, default), "'when' holds more than one expression", "keep to one expression");
        return null;
    }

    /// <summary>The place in the YAML that a place in the generated text stands for.</summary>
    public static BundlePosition Locate(GeneratedPolicy source, Cedar.SourcePosition at)
    {
        if (source.ConditionOffset < 0)
            return source.Position;
        var condition = source.Grant!.ConditionPosition;
        if (at.IsNone || at.Offset < source.ConditionOffset)
            return condition;

        var expression = source.Grant.Condition!.AsSpan().TrimEnd();
        var before = expression[..Math.Min(at.Offset - source.ConditionOffset, expression.Length)];
        var lines = before.Count('\n');
        return lines == 0
            ? condition with { Column = condition.Column + before.Length }
            : condition with { Line = condition.Line + lines, Column = at.Column };
    }
}
