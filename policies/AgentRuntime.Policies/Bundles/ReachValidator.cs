using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// Finds what types do not show: conditions that fail whatever is asked, and grants that some policy always forbids.
/// Somebody relies on them, so they are problems. Stateless.
/// </summary>
internal static class ReachValidator
{
    private static readonly CedarPartialRequest Anything = new() { IsContextOpen = true };

    public static void Validate(CompiledBundle bundle, Problems problems, CancellationToken cancellationToken)
    {
        var generated = bundle.Generated.ToDictionary(g => g.Id, StringComparer.Ordinal);
        var handwritten = bundle.Policies.Policies.Where(p => !generated.ContainsKey(p.Id)).ToList();
        foreach (var policy in handwritten)
        {
            cancellationToken.ThrowIfCancellationRequested();
            CheckConditions(policy, PolicyReader.At(policy.Position.File ?? "policies", policy.Position), problems);
        }

        foreach (var source in bundle.Generated.Where(g => g.Grant?.Condition is not null))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (bundle.Policies.TryGet(source.Id, out var policy))
                CheckConditions(policy, source.Grant!.ConditionPosition, problems);
        }

        if (handwritten.Exists(IsUnexpected))
            CheckGrants(bundle, problems, cancellationToken);
    }

    private static void CheckConditions(CedarPolicy policy, Yaml.BundlePosition at, Problems problems)
    {
        foreach (var part in ConditionParts.Of(policy))
        {
            var answer = CedarPartialAuthorizer.Authorize(part.Policy, CedarEntities.Empty, Anything);
            if (answer.Errors.Count == 0)
                continue;
            problems.Add(
                at,
                $"the policy '{policy.Id}' always fails where it comes to '{part.Expression}': "
                    + answer.Errors[0].Message,
                policy.Effect == CedarEffect.Forbid
                    ? "a forbid that fails denies; correct it"
                    : "a permit that fails allows nothing; correct it");
            return;
        }
    }

    private static void CheckGrants(CompiledBundle bundle, Problems problems, CancellationToken cancellationToken)
    {
        var visibility = new Visibility(bundle);
        foreach (var agent in bundle.Agents.Values)
        {
            var principal = EntityNames.Agent(agent.Name);
            foreach (var (_, grant) in GrantPolicies.Name(agent))
            {
                cancellationToken.ThrowIfCancellationRequested();
                var tool = bundle.Tools[grant.Tool];
                Report($"'{grant.Tool}'", grant.Position, visibility.Look(principal, tool.Action, tool.Server));
            }

            foreach (var model in agent.Models)
                Report(
                    $"the model '{model}'",
                    agent.Position,
                    visibility.Look(principal, EntityNames.UseModel, bundle.Models[model]));

            foreach (var (_, action, grant) in GrantPolicies.NameMemory(agent))
                Report(
                    $"the memory '{grant.Bucket}' to {MemoryCalls.Verb(action)}",
                    grant.Position,
                    visibility.Look(
                        principal, MemoryCalls.ActionOf(action), bundle.Memory[grant.Bucket].Resource));
        }

        void Report(string what, Yaml.BundlePosition at, CedarPartialResponse answer)
        {
            if (answer.Satisfied.FirstOrDefault(IsUnexpected) is { } forbid)
                problems.Add(
                    at,
                    $"the grant of {what} never allows anything: the policy '{forbid.Id}' forbids it in every case",
                    $"remove the grant, or narrow the policy at {forbid.Position}; "
                        + "if it is meant to, say so there with @overrides(\"grants\")");
        }
    }

    // Whoever shuts a tool in an emergency says so, and need not look for every grant of it.
    private static bool IsUnexpected(CedarPolicy policy) =>
        policy.Effect == CedarEffect.Forbid && !policy.Annotations.ContainsKey("overrides");
}
