using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli;
using AgentRuntime.Cli.Commands;
using AgentRuntime.Cli.Policy;

var root = new RootCommand("agentctl: deploy agents, run them, see why something was refused.")
{
    RunCommand.Create(),
    RunsCommand.Create(),
    ApprovalsCommand.Create(),
    AgentsCommand.Create(),
    PolicyCommand.Create(),
    NewCommand.Create(),
    ChatCommand.Create(),
    ModelsCommand.Create(),
    SloCommand.Create(),
    StorageCommand.Create(),
};
Connection.AddOptions(root);

// A text that begins with @ is a text: scripts pass on what others wrote, and it must not name files to read.
var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
if (parsed.Errors.Count > 0) return Failure.Usage(parsed);
try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (RuntimeErrorException e)
{
    return Failure.Print(e.Error);
}
catch (OperationCanceledException)
{
    return Failure.Interrupted;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    return Failure.Print(new RuntimeError(ReasonCodes.UnreadableFile, e.Message));
}
