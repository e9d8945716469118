using System.CommandLine;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Cli.Commands;

/// <summary><c>agentctl policy validate | apply</c>: the platform checks, so that both give the same answer.</summary>
internal static class PolicyCommand
{
    private const long MaxFileBytes = 1 << 20;
    private const int MaxFiles = 500;

    public static Command Create() => new("policy", "Check policy bundles and put them in force")
    {
        OfBundle("validate", "Say everything that is wrong with a bundle; change nothing", dryRun: true),
        OfBundle("apply", "Put a bundle in force for this tenant", dryRun: false),
    };

    private static Command OfBundle(string name, string description, bool dryRun)
    {
        var folder = new Argument<DirectoryInfo>("bundle") { Description = "The bundle's folder" };
        var command = new Command(name, description) { folder };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            var files = Read(parsed.GetRequiredValue(folder));
            var result = await client.ApplyPolicyAsync(files, dryRun, cancellationToken);
            foreach (var problem in result.Problems) Failure.Print(problem.ToError());
            if (result.Problems.Count > 0) return 1;
            Console.WriteLine($"{(dryRun ? "valid" : "in force")}  sha256:{result.Bundle}");
            return 0;
        }));
        return command;
    }

    private static Dictionary<string, string> Read(DirectoryInfo folder)
    {
        if (!folder.Exists) throw Unreadable(folder, "there is no such folder");
        var files = folder.GetFiles("*", SearchOption.AllDirectories);
        if (files.Length > MaxFiles) throw Unreadable(folder, $"it holds {files.Length} files, more than {MaxFiles}");
        return files.ToDictionary(
            file => Path.GetRelativePath(folder.FullName, file.FullName).Replace('\\', '/'),
            file => Encoding.UTF8.GetString(Failure.ReadFile(file, MaxFileBytes)));
    }

    private static RuntimeErrorException Unreadable(DirectoryInfo folder, string why) =>
        new(new RuntimeError(ReasonCodes.UnreadableFile, $"cannot read {folder}: {why}", folder.ToString()));
}
