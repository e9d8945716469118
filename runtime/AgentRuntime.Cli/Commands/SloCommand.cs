using System.CommandLine;
using System.Globalization;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Commands;

/// <summary><c>agentctl slo</c>.</summary>
internal static class SloCommand
{
    public static Command Create()
    {
        var command = new Command("slo", "How the last hour's requests fared against their service classes")
        {
            Listing.Json,
        };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            var levels = new ServiceLevelList(await client.ListServiceLevelsAsync(cancellationToken));
            return parsed.Show(
                levels,
                WireJson.Default.ServiceLevelList,
                levels.ServiceLevels,
                static level => Terminal.WriteLine(Text(level)),
                "no request in the last hour");
        }));
        return command;
    }

    private static string Text(ServiceLevelResource level) => string.Create(
        CultureInfo.InvariantCulture,
        $"{level.Model}  {level.Class}  {level.Requests} requests, {level.Refused} refused  "
            + $"first token within {level.TtftTargetMs:0} ms: {level.TtftAttainment:P1}  "
            + $"each within {level.TpotTargetMs:0} ms: {level.TpotAttainment:P1}  "
            + $"both: {level.Attainment:P1} of {level.Objective:P1}  "
            + $"{level.GoodputPerSecond:0.###} good/s  error budget left {level.ErrorBudgetLeft:P0}");
}
