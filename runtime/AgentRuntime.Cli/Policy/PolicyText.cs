using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Policy;

/// <summary>Answers about bundles as people read them. Stateless.</summary>
internal static class PolicyText
{
    public static void Plan(PolicyPlanResource plan)
    {
        Terminal.WriteLine($"{Short(plan.Before)} -> {Short(plan.After)}");
        if (plan.Changes.Count == 0 && plan.Decisions.Count == 0)
        {
            Terminal.WriteLine("nothing changes");
            return;
        }

        foreach (var change in plan.Changes)
            Terminal.WriteLine($"  {change.Subject}  {change.What}: {Cut(change.Before)} -> {Cut(change.After)}");
        Decisions(plan.Decisions);
        Terminal.WriteLine(plan.Affected.Count == 0
            ? "nobody is decided about differently, as far as was tried"
            : $"decided about differently: {string.Join(", ", plan.Affected)}");
    }

    public static void Explanation(PolicyExplanationResource answer)
    {
        Terminal.WriteLine($"{answer.Verdict}  {answer.Caller}  {answer.Resource}  bundle {Short(answer.Bundle)}");
        if (answer.Recorded is { } recorded) Terminal.WriteLine($"  decided then: {recorded}");
        if (answer.Reason is { } reason) Terminal.WriteLine($"  {reason.ToError()}");
        if (answer.History is { } history) Terminal.WriteLine($"  {history}");
        foreach (var error in answer.Errors ?? []) Terminal.WriteLine($"  failed: {error}");
        foreach (var policy in answer.Policies)
        {
            var part = policy.Decided ? "decided" : policy.Truth.Replace('_', ' ');
            Terminal.WriteLine($"  {part}: {policy.Effect} {policy.Id} [{policy.Where}]");
            var what = policy.Truth == "fails" ? "what failed"
                : policy.Effect == "forbid" ? "would forbid it if"
                : "would have to be true";
            foreach (var unmet in policy.Unmet) Terminal.WriteLine($"    {what}: {unmet}");
        }

        if (answer.Policies.Count == 0) Terminal.WriteLine("  no policy speaks of this call");
    }

    public static void Simulation(PolicySimulationResource answer)
    {
        foreach (var difference in answer.Differences)
        {
            var place = difference.Run is null ? "" : $"  {difference.Run} {difference.Call}";
            Terminal.WriteLine(
                $"{difference.At:u}  {difference.Before} -> {difference.After}  {difference.Caller}  "
                    + $"{difference.Resource} {Cut(difference.Arguments?.GetRawText() ?? "")}{place}");
            if (difference.Reason is { } reason) Terminal.WriteLine($"  {reason.ToError()}");
        }

        foreach (var count in answer.Counts)
            Terminal.WriteLine($"  {count.Before} -> {count.After}: {count.Count}");
        Terminal.WriteLine(
            $"{answer.Decided} decisions since {answer.Since:u} under {Short(answer.Bundle)}: {answer.Changed} changed"
                + (answer.Skipped > 0 ? $", {answer.Skipped} left out (arguments not recorded)" : ""));
    }

    public static void Audit(PolicyAuditResource answer)
    {
        Terminal.WriteLine($"bundle {Short(answer.Bundle)}");
        foreach (var agent in answer.Agents)
        {
            Terminal.WriteLine(agent.Agent);
            foreach (var tool in agent.Tools) Reach(tool.ReadOnly ? "reads" : "calls", tool);
            foreach (var model in agent.Models) Reach("asks", model);
            foreach (var bucket in agent.Memory)
                Reach(bucket.ReadOnly ? "reads memory" : "writes memory", bucket);
        }

        foreach (var tool in answer.UnreachableTools) Terminal.WriteLine($"nobody can call {tool}");
        foreach (var policy in answer.NeverDecided)
            Terminal.WriteLine($"decided nothing in {answer.Days} days: {policy}");
        if (answer.Differences is { } differences)
        {
            Terminal.WriteLine(differences.Count == 0
                ? "the other bundle decides alike, as far as was tried"
                : "the other bundle decides differently:");
            Decisions(differences);
        }

        Terminal.WriteLine($"{answer.Decisions} decisions in {answer.Days} days");
    }

    private static void Reach(string verb, ReachResource thing)
    {
        Terminal.WriteLine($"  {verb} {thing.Name}{(thing.NeedsApproval ? ", only with approval" : "")}");
        foreach (var condition in thing.Conditions) Terminal.WriteLine($"    when {condition}");
        foreach (var forbid in thing.Forbids) Terminal.WriteLine($"    unless {forbid} forbids it");
    }

    private static void Decisions(IReadOnlyList<DecisionChangeResource> changes)
    {
        foreach (var change in changes)
        {
            var example = change.Example.Length == 0 ? "" : $", for example {Cut(change.Example)}";
            Terminal.WriteLine(
                $"  {(change.Wider ? "wider   " : "narrower")}  {change.Caller}  {change.Resource}: "
                    + $"{change.Before} -> {change.After}{example}");
        }
    }

    private static string Short(string? digest) => digest is { Length: > 12 } ? $"sha256:{digest[..12]}" : "no bundle";

    private static string Cut(string? text) =>
        text is null ? "none"
        : text.Length <= 200 ? text.ReplaceLineEndings(" ")
        : text[..200].ReplaceLineEndings(" ") + "…";
}
