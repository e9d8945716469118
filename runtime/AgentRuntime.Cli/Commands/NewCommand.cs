using System.CommandLine;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Cli.Commands;

/// <summary>
/// <c>agentctl new --lang LANG FOLDER</c>: copies an agent's template, kit included. Needs no platform.
/// </summary>
internal static class NewCommand
{
    private static readonly string Templates = Path.Combine(AppContext.BaseDirectory, "templates");

    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("folder") { Description = "A folder that does not exist yet" };
        var language = new Option<string>("--lang")
        {
            Description = $"One of: {string.Join(", ", Languages())}",
            Required = true,
        };
        language.AcceptOnlyFromAmong(Languages());
        var command = new Command("new", "Begin an agent from a template") { folder, language };
        command.SetAction(parsed => Copy(parsed.GetRequiredValue(language), parsed.GetRequiredValue(folder)));
        return command;
    }

    private static int Copy(string language, DirectoryInfo target)
    {
        if (target.Exists || File.Exists(target.FullName))
        {
            return Failure.Print(new RuntimeError(
                ReasonCodes.UsageError, $"{target} exists already", target.ToString(), "Name a folder that does not."));
        }

        var source = Path.Combine(Templates, language);
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(target.FullName, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy); // with its permissions: build scripts stay executable
        }

        Console.WriteLine($"{target}: read README.md there");
        return 0;
    }

    private static string[] Languages() =>
        [.. Directory.EnumerateDirectories(Templates).Select(folder => Path.GetFileName(folder)).Order()];
}
