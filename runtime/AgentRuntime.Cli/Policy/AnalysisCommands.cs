using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Policy;

/// <summary><c>agentctl policy simulate | audit</c>: bundles against what was really decided.</summary>
internal static class AnalysisCommands
{
    public static Command Simulate()
    {
        var folder = BundleArgument.Required();
        var days = new Option<int?>("--days") { Description = "Decisions of how many days; default 7" };
        return new Command("simulate", "Decide recorded decisions again under a bundle; change nothing")
            {
                folder, days, Listing.Json,
            }
            .Does(async (parsed, client, cancellationToken) =>
            {
                var question = new PolicySimulateBody(
                    BundleArgument.Read(parsed.GetRequiredValue(folder)), parsed.GetValue(days));
                return parsed.Print(
                    await client.Policy.SimulateAsync(question, cancellationToken),
                    WireJson.Default.PolicySimulationResource,
                    PolicyText.Simulation);
            });
    }

    public static Command Audit()
    {
        var folder = new Argument<DirectoryInfo?>("bundle")
        {
            Description = "A bundle's folder; without one, the bundle in force", Arity = ArgumentArity.ZeroOrOne,
        };
        var compare = new Option<DirectoryInfo?>("--compare")
        {
            Description = "Another bundle's folder: also list what it decides differently",
        };
        var days = new Option<int?>("--days")
        {
            Description = "Name policies that decided nothing in so many days; default 30",
        };
        return new Command("audit", "Say what each agent can reach at most, and what nobody needs")
            {
                folder, compare, days, Listing.Json,
            }
            .Does(async (parsed, client, cancellationToken) =>
            {
                var question = new PolicyAuditBody
                {
                    Files = Files(parsed.GetValue(folder)),
                    CompareWith = Files(parsed.GetValue(compare)),
                    Days = parsed.GetValue(days),
                };
                return parsed.Print(
                    await client.Policy.AuditAsync(question, cancellationToken),
                    WireJson.Default.PolicyAuditResource,
                    PolicyText.Audit);
            });
    }

    private static Dictionary<string, string>? Files(DirectoryInfo? folder) =>
        folder is null ? null : BundleArgument.Read(folder);
}
