using System.CommandLine;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Cli.Commands;

/// <summary>
/// <c>agentctl new --lang LANG [--kind agent|tool] FOLDER</c>: copies a template, kit included. Needs no platform.
/// What makes a tool of a template lies in its folder <c>tool</c> and replaces the agent.
/// </summary>
internal static class NewCommand
{
    private static readonly string Templates = Path.Combine(AppContext.BaseDirectory, "templates");
    private const string Tool = "tool";

    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("folder") { Description = "A folder that does not exist yet" };
        var language = new Option<string>("--lang")
        {
            Description = $"One of: {string.Join(", ", Languages())}",
            Required = true,
        };
        language.AcceptOnlyFromAmong(Languages());
        var kind = new Option<string>("--kind")
        {
            Description = "One of: agent, tool",
            DefaultValueFactory = _ => "agent",
        };
        kind.AcceptOnlyFromAmong("agent", Tool);
        var command = new Command("new", "Begin an agent or a tool from a template") { folder, language, kind };
        command.SetAction(parsed => Copy(
            parsed.GetRequiredValue(language), parsed.GetRequiredValue(kind), parsed.GetRequiredValue(folder)));
        return command;
    }

    private static int Copy(string language, string kind, DirectoryInfo target)
    {
        if (target.Exists || File.Exists(target.FullName))
        {
            return Failure.Print(new RuntimeError(
                ReasonCodes.UsageError, $"{target} exists already", target.ToString(), "Name a folder that does not."));
        }

        var source = Path.Combine(Templates, language);
        var tool = Path.Combine(source, Tool);
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            if (file.StartsWith(tool + Path.DirectorySeparatorChar, StringComparison.Ordinal)) continue;
            var name = Path.GetRelativePath(source, file);
            if (kind == Tool && Path.GetFileNameWithoutExtension(name) == "agent") continue;
            CopyTo(Path.Combine(target.FullName, name), file);
        }

        if (kind == Tool)
        {
            foreach (var file in Directory.EnumerateFiles(tool))
                CopyTo(Path.Combine(target.FullName, Path.GetFileName(file)), file);
        }

        Console.WriteLine($"{target}: read README.md there");
        return 0;
    }

    /// <summary>With its permissions: build scripts stay executable.</summary>
    private static void CopyTo(string copy, string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
        File.Copy(file, copy, overwrite: true);
    }

    private static string[] Languages() =>
        [.. Directory.EnumerateDirectories(Templates).Select(folder => Path.GetFileName(folder)).Order()];
}
