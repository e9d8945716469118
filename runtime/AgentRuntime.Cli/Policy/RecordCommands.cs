using System.CommandLine;
using AgentRuntime.Cli.Commands;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Policy;

/// <summary><c>agentctl policy decisions | threats | lift</c>: what was decided, and what rules hold against.</summary>
internal static class RecordCommands
{
    public static Command Decisions()
    {
        var limit = new Option<int>("--limit") { Description = "How many", DefaultValueFactory = _ => 20 };
        var page = new Option<string?>("--page") { Description = "Where to go on, as the last page said" };
        return new Command("decisions", "List recorded decisions, newest first") { limit, page }
            .Does(async (parsed, client, cancellationToken) =>
            {
                var list = await client.Policy.DecisionsAsync(
                    parsed.GetValue(page), parsed.GetValue(limit), cancellationToken);
                foreach (var (at, made) in list.Decisions)
                {
                    var place = made.Run is null ? "-" : $"{made.Run} {made.Call}";
                    Terminal.WriteLine(
                        $"{at:u}  {made.Verdict,-16}  {made.Caller,-20}  {made.Resource,-20}  {made.Reason?.Code,-6}  "
                            + place);
                }

                if (list.NextPageToken is { } next) Terminal.WriteLine($"more: --page {next}");
                return 0;
            });
    }

    public static Command Threats() =>
        new Command("threats", "Say what threat rules hold against agents now").Does(
            async (_, client, cancellationToken) =>
            {
                var threats = await client.Policy.ThreatsAsync(cancellationToken);
                foreach (var threat in threats)
                    Terminal.WriteLine(
                        $"{threat.Agent}  {threat.Effect}  until {threat.Until:u}  {threat.Rule}: {threat.Detail}");
                if (threats.Count == 0) Terminal.WriteLine("nothing");
                return 0;
            });

    public static Command Lift()
    {
        var agent = AgentArgument.Create();
        return new Command("lift", "End what threat rules hold against an agent") { agent }
            .Does(async (parsed, client, cancellationToken) =>
            {
                await client.Policy.LiftAsync(parsed.GetRequiredValue(agent), cancellationToken);
                Terminal.WriteLine("lifted");
                return 0;
            });
    }
}
