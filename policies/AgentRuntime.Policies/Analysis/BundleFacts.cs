using System.Globalization;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>A bundle as a flat list of facts, so that two can be compared line by line. Stateless.</summary>
internal static class BundleFacts
{
    /// <summary>Subject and property, with the value as people write it.</summary>
    public static SortedDictionary<(string Subject, string What), string> Of(CompiledBundle bundle)
    {
        var facts = new SortedDictionary<(string, string), string>();
        var definition = bundle.Definition;
        facts[("tenant", "requests_per_minute")] = Text(definition.Quota.RequestsPerMinute);
        facts[("tenant", "tokens_per_minute")] = Text(definition.Quota.TokensPerMinute.Value);
        facts[("tenant", "cost_per_day_usd")] = definition.Quota.CostPerDay.ToString();
        facts[("tenant", "concurrent_runs")] = Text(definition.Quota.ConcurrentRuns);
        facts[("tenant", "client_slo")] = definition.ClientSlo?.Name ?? "the platform's own";
        facts[("tenant", "egress")] = Text(definition.Egress);
        foreach (var service in definition.SloClasses)
            facts[($"service class {service.Name}", "objective")] = Text(service);
        foreach (var rule in definition.Threats)
            facts[($"threat rule {rule.Name}", "rule")] = Text(rule);
        foreach (var model in definition.Models)
            facts[($"model {model.Name}", "direct")] = model.DirectForAll
                ? "true"
                : $"[{string.Join(", ", model.DirectProjects)}]";
        foreach (var memory in definition.Memory)
        {
            var subject = $"memory {memory.Name}";
            facts[(subject, "max_bytes")] = memory.Bucket.MaxBytes.ToString();
            facts[(subject, "max_keys")] = Text(memory.Bucket.MaxKeys);
            facts[(subject, "max_value")] = memory.Bucket.MaxValueBytes.ToString();
            facts[(subject, "contents")] = Text(memory.Contents);
        }

        foreach (var server in definition.Servers)
        {
            facts[($"server {server.Name}", "url")] = server.Endpoint.ToString();
            facts[($"server {server.Name}", "timeout")] = YamlSection.Describe(server.Timeout);
            facts[($"server {server.Name}", "results")] = Text(server.Results);
        }

        foreach (var tool in definition.Tools)
        {
            facts[($"tool {tool.Name}", "description")] = tool.Descriptor.Description;
            facts[($"tool {tool.Name}", "schema")] = tool.Descriptor.InputSchema.GetRawText();
            facts[($"tool {tool.Name}", "effect")] = ActionNames.EffectOf(tool);
        }

        foreach (var agent in definition.Agents)
            Add(facts, agent);
        foreach (var policy in bundle.Policies.Policies)
        {
            if (policy.Position.File is not null)
                facts[($"policy {policy.Id}", "text")] = policy.ToString();
        }

        return facts;
    }

    private static void Add(SortedDictionary<(string, string), string> facts, AgentDefinition agent)
    {
        var subject = $"agent {agent.Name}";
        var (limits, budget) = (agent.Policy.Limits, agent.Policy.Budget);
        facts[(subject, "description")] = agent.Description ?? "";
        facts[(subject, "models")] = string.Join(", ", agent.Models);
        facts[(subject, "max_output_tokens")] = Text(agent.Policy.DefaultMaxOutputTokens);
        facts[(subject, "limits.memory")] = limits.MaxMemory.ToString();
        facts[(subject, "limits.cpu_time")] = YamlSection.Describe(limits.MaxCpuTime);
        facts[(subject, "limits.call_depth")] = Text(limits.MaxCallDepth);
        facts[(subject, "limits.table_elements")] = Text(limits.MaxTableElements);
        facts[(subject, "limits.host_calls")] = Text(limits.MaxHostCalls);
        facts[(subject, "limits.log")] = limits.MaxLogBytes.ToString();
        facts[(subject, "limits.string")] = limits.MaxStringBytes.ToString();
        facts[(subject, "limits.fuel")] = limits.Fuel is { } fuel ? Text(fuel) : "none";
        facts[(subject, "budget.tokens")] = Text(budget.MaxTokens.Value);
        facts[(subject, "budget.cost_usd")] = budget.MaxCost.ToString();
        facts[(subject, "budget.deadline")] = YamlSection.Describe(budget.Deadline);
        facts[(subject, "budget.input")] = budget.MaxInput.ToString();
        facts[(subject, "input")] = Text(agent.Input);
        facts[(subject, "slo")] = agent.Policy.Slo?.Name ?? "the platform's own";
        facts[(subject, "egress")] = agent.Policy.Egress is null ? "the tenant's" : Text(agent.Policy.Egress);
        foreach (var (id, grant) in GrantPolicies.Name(agent))
            facts[(subject, $"grant {id[(agent.Name.Length + "grant::".Length)..]}")] = Text(grant);
        foreach (var bucket in agent.Memory.GroupBy(g => g.Bucket, StringComparer.Ordinal))
            facts[(subject, $"memory {bucket.Key}")] = string.Join("; ", bucket.Select(g => g.Describe()));
    }

    private static string Text(GrantDefinition grant)
    {
        var parts = grant.Limits.Select(l => l.Describe()).ToList();
        if (grant.Condition is { } condition)
            parts.Add($"{{ {condition.Trim()} }}");
        parts.AddRange(grant.History.Select(h => h.Describe()));
        if (grant.NeedsApproval)
            parts.Add(grant.Approval.Describe());
        if (grant.Obligations is { } obligations)
        {
            parts.AddRange(obligations.Caps.Select(c => $"{c.Key} capped at {Text(c.Value)}"));
            parts.AddRange(obligations.Redacted.Select(r => $"{r} redacted"));
            if (obligations.Label is { } label)
                parts.Add($"marking the run {Text(label)}");
        }

        return parts.Count == 0 ? "any arguments" : string.Join(" and ", parts);
    }

    private static string Text(EgressRules? egress) =>
        egress is null ? "not closed" : egress.ToString() is { Length: > 0 } hosts ? hosts : "nothing";

    private static string Text(SloTarget service) =>
        $"priority {Text(service.Priority)}, first token in {YamlSection.Describe(service.TimeToFirstToken)}, each in "
            + $"{YamlSection.Describe(service.TimePerOutputToken)}, refused after "
            + $"{YamlSection.Describe(service.Deadline)}, "
            + $"{(service.Objective * 100).ToString("0.###", CultureInfo.InvariantCulture)}% in time"
            + $"{(service.Sheddable ? ", sheddable" : "")}";

    private static string Text(ThreatRule rule)
    {
        var text = $"{rule.Describe()}: {rule.EffectWord} for {YamlSection.Describe(rule.Lasts)}";
        if (rule.Effect == ThreatEffect.Throttle)
            text += $", one call in {YamlSection.Describe(rule.Pace)}";
        if (rule.Agents.Count > 0)
            text += $", of {string.Join(", ", rule.Agents)}";
        if (rule.Tools.Count > 0)
            text += $", calling {string.Join(", ", rule.Tools)}";
        return rule.Codes.Count > 0 ? $"{text}, with {string.Join(", ", rule.Codes)}" : text;
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(DataLabels labels) =>
        $"{(labels.Trusted ? "trusted" : "untrusted")}, {ConfidentialityNames.Of(labels.Confidentiality)}";
}
