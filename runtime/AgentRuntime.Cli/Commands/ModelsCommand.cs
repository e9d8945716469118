using System.CommandLine;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Commands;

/// <summary><c>agentctl models</c>.</summary>
internal static class ModelsCommand
{
    public static Command Create()
    {
        var command = new Command("models", "The models that are served");
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            foreach (var model in await client.ListModelsAsync(cancellationToken)) Terminal.WriteLine(model);
            return 0;
        }));
        return command;
    }
}
