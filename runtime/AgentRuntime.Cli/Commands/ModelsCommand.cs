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
            Listing.Show(
                await client.ListModelsAsync(cancellationToken),
                Terminal.WriteLine,
                "no model is served that policy lets this project ask");
            return 0;
        }));
        return command;
    }
}
