using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Commands;

/// <summary><c>agentctl runs list | show | events | cancel</c>.</summary>
internal static class RunsCommand
{
    public static Command Create() => new("runs", "Look at runs and stop them")
    {
        List(), Show(), Events(), Cancel(),
    };

    private static Command List()
    {
        var (limit, page) = Listing.PageOptions();
        var command = new Command("list", "The runs, newest first") { limit, page, Listing.Json };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            var list = await client.Runs.ListAsync(parsed.GetValue(page), parsed.GetValue(limit), cancellationToken);
            return parsed.ShowPage(
                list, WireJson.Default.RunList, list.Runs, Print, "no runs", list.NextPageToken);
        }));
        return command;
    }

    private static void Print(RunResource run) => Terminal.WriteLine(
        $"{run.Id}  {run.Status,-9}  {run.Agent,-24}  {run.CreatedAt:u}  {run.Error?.Code}".TrimEnd());

    private static Command Show() => OfRun("show", "One run as JSON", async (client, run, cancellationToken) =>
        Console.WriteLine(Json.Write(await client.Runs.GetAsync(run, cancellationToken))));

    private static Command Events() => OfRun("events", "A run's events as JSON lines, followed to its end",
        async (client, run, cancellationToken) =>
        {
            await foreach (var e in client.Runs.WatchAsync(run, 0, cancellationToken)) Console.WriteLine(Json.Write(e));
        });

    private static Command Cancel() => OfRun("cancel", "Ask a run to stop; one that has ended stays as it is",
        async (client, run, cancellationToken) =>
        {
            await client.Runs.CancelAsync(run, cancellationToken);
            var now = await client.Runs.GetAsync(run, cancellationToken);
            Terminal.WriteLine(now.EndedAt is null ? $"{now.Id} is told to stop" : $"{now.Id} {now.Status}");
        });

    private static Command OfRun(
        string name, string description, Func<Sdk.AgentRuntimeClient, string, CancellationToken, Task> work)
    {
        var run = RunArgument.Create();
        var command = new Command(name, description) { run };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            await work(client, parsed.GetRequiredValue(run), cancellationToken);
            return 0;
        }));
        return command;
    }
}
