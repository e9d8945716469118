using System.CommandLine;

namespace AgentRuntime.Cli.Commands;

/// <summary>The argument that names a run; what cannot be an id is told before anything is sent.</summary>
internal static class RunArgument
{
    public static Argument<string> Create()
    {
        var run = new Argument<string>("run") { Description = "run_…" };
        run.Validators.Add(static result =>
        {
            foreach (var given in result.Tokens)
                if (given.Value is "" or "." or "..")
                    result.AddError($"'{given.Value}' is no run's id");
        });
        return run;
    }
}
