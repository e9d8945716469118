using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Host.Composition;
using AgentRuntime.Host.Roles;
using AgentRuntime.Sandboxes.Wasmtime.Compiling;

// No command for people: this program once more, started by itself to compile one module.
if (args is [CompilerWorker.Verb, ..]) return CompilerWorker.Run(args);

var root = new RootCommand("agentruntime: the platform's one executable. Each role is a command.")
{
    AllCommand.Create(),
    NodeCommandLine.Create(),
};

// What begins with @ is a value like any other and names no file of arguments to read.
var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors)
        Fail(new RuntimeError(ReasonCodes.UsageError, UsageText.Of(error.Message), Action: "See --help."));
    return 2;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,

        // A node that is told to stop drains first; how long that takes is its own option.
        ProcessTerminationTimeout = TimeSpan.FromHours(1),
    });
}
catch (RuntimeErrorException e)
{
    Fail(e.Error);
    return e.Error.Code == ReasonCodes.UsageError ? 2 : 1;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    Fail(new RuntimeError(ReasonCodes.UnreadableFile, e.Message));
    return 1;
}

// Where it cannot be said, the exit code says that it failed.
static void Fail(RuntimeError error) => StandardError.Write($"error {error}");
