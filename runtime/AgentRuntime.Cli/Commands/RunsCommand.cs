using System.CommandLine;
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
        var size = new Option<int>("--limit") { Description = "How many", DefaultValueFactory = _ => 20 };
        var command = new Command("list", "The newest runs") { size };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            var page = await client.Runs.ListAsync(null, parsed.GetValue(size), cancellationToken);
            foreach (var run in page.Runs)
                Terminal.WriteLine($"{run.Id}  {run.Status,-9}  {run.Agent,-24}  {run.CreatedAt:u}  {run.Error?.Code}");
            return 0;
        }));
        return command;
    }

    private static Command Show() => OfRun("show", "One run as JSON", async (client, run, cancellationToken) =>
        Console.WriteLine(Json.Write(await client.Runs.GetAsync(run, cancellationToken))));

    private static Command Events() => OfRun("events", "A run's events as JSON lines, followed to its end",
        async (client, run, cancellationToken) =>
        {
            await foreach (var e in client.Runs.WatchAsync(run, 0, cancellationToken)) Console.WriteLine(Json.Write(e));
        });

    private static Command Cancel() => OfRun("cancel", "Ask a run to stop",
        (client, run, cancellationToken) => client.Runs.CancelAsync(run, cancellationToken));

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
