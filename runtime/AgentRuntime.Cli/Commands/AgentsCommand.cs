using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Commands;

/// <summary><c>agentctl agents list | deploy | delete</c>.</summary>
internal static class AgentsCommand
{
    public static Command Create() =>
        new("agents", "Deploy agents, list and delete them") { List(), Deploy(), Delete() };

    private static Command List()
    {
        var command = new Command("list", "The agents of this tenant") { Listing.Json };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            var agents = new AgentList(await client.Agents.ListAsync(cancellationToken));
            return parsed.Show(agents, WireJson.Default.AgentList, agents.Agents, Print, "no agents");
        }));
        return command;
    }

    private static void Print(AgentResource agent)
    {
        var name = $"{agent.Project}/{agent.Name}";
        Terminal.WriteLine($"{name,-32}  v{agent.Version,-4}  {agent.Module[..12]}  {agent.DeployedAt:u}");
    }

    private static Command Deploy()
    {
        var agent = AgentArgument.Create();
        var module = new Argument<FileInfo>("module") { Description = "The agent's .wasm file" };
        var command = new Command("deploy", "Deploy a WebAssembly module as an agent") { agent, module };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            var wasm = Failure.ReadFile(parsed.GetRequiredValue(module), WireBounds.ModuleBytes);
            var deployed = await client.Agents.DeployAsync(parsed.GetRequiredValue(agent), wasm, cancellationToken);
            Terminal.WriteLine($"{deployed.Project}/{deployed.Name} v{deployed.Version}  sha256:{deployed.Module}");
            return 0;
        }));
        return command;
    }

    private static Command Delete()
    {
        var agent = AgentArgument.Create();
        var command = new Command("delete", "Take an agent away; its runs that are under way go on") { agent };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            await client.Agents.DeleteAsync(parsed.GetRequiredValue(agent), cancellationToken);
            Terminal.WriteLine($"{parsed.GetRequiredValue(agent)} deleted");
            return 0;
        }));
        return command;
    }
}
