using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Commands;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Policy;

/// <summary><c>agentctl policy decisions | threats | lift</c>: what was decided, and what rules hold against.</summary>
internal static class RecordCommands
{
    public static Command Decisions()
    {
        var (limit, page) = Listing.PageOptions();
        return new Command("decisions", "List recorded decisions, newest first") { limit, page, Listing.Json }
            .Does(async (parsed, client, cancellationToken) =>
            {
                var list = await client.Policy.DecisionsAsync(
                    parsed.GetValue(page), parsed.GetValue(limit), cancellationToken);
                return parsed.ShowPage(
                    list, WireJson.Default.DecisionList, list.Decisions, Print, "no decisions", list.NextPageToken);
            });
    }

    public static Command Threats() =>
        new Command("threats", "Say what threat rules hold against agents now") { Listing.Json }.Does(
            async (parsed, client, cancellationToken) =>
            {
                var held = new ThreatList(await client.Policy.ThreatsAsync(cancellationToken));
                return parsed.Show(
                    held, WireJson.Default.ThreatList, held.Threats, Print, "nothing is held against any agent");
            });

    public static Command Lift()
    {
        var agent = AgentArgument.Create();
        return new Command("lift", "End what threat rules hold against an agent") { agent }
            .Does(async (parsed, client, cancellationToken) =>
            {
                await client.Policy.LiftAsync(parsed.GetRequiredValue(agent), cancellationToken);
                Terminal.WriteLine($"{parsed.GetRequiredValue(agent)} lifted");
                return 0;
            });
    }

    private static void Print(DecisionResource decision)
    {
        var made = decision.Made;
        var place = made.Run is null ? "-" : $"{made.Run} {made.Call}";
        Terminal.WriteLine(
            $"{decision.At:u}  {made.Verdict,-16}  {made.Caller,-20}  {made.Resource,-20}  {made.Reason?.Code,-6}  "
                + place);
    }

    private static void Print(ThreatResource threat) => Terminal.WriteLine(
        $"{threat.Agent}  {threat.Effect}  until {threat.Until:u}  {threat.Rule}: {threat.Detail}");
}
