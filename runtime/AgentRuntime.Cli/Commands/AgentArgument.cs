using System.CommandLine;

namespace AgentRuntime.Cli.Commands;

/// <summary>The argument that names an agent; its form is checked before anything is sent.</summary>
internal static class AgentArgument
{
    public static Argument<string> Create()
    {
        var agent = new Argument<string>("agent") { Description = "project/agent" };
        agent.Validators.Add(static result =>
        {
            foreach (var given in result.Tokens)
            {
                if (given.Value.Split('/') is not [{ Length: > 0 } project, { Length: > 0 } name]
                    || project is "." or ".." || name is "." or "..")
                    result.AddError($"'{given.Value}' is not of the form project/agent");
            }
        });
        return agent;
    }
}
