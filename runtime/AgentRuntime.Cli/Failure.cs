using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli;

/// <summary>
/// How a failure looks: one line on standard error with its code. Exit 1 refused or failed, 2 wrong usage, 130
/// interrupted.
/// </summary>
internal static class Failure
{
    /// <summary>What shells report of a command that Ctrl-C ended.</summary>
    public const int Interrupted = 130;

    public static int Print(RuntimeError error)
    {
        Console.Error.WriteLine(Terminal.Clean($"error {error}"));
        return error.Code == ReasonCodes.UsageError ? 2 : 1;
    }

    public static int Usage(ParseResult parsed)
    {
        foreach (var error in parsed.Errors)
            Print(new RuntimeError(ReasonCodes.UsageError, error.Message, Action: "See --help."));
        return 2;
    }

    /// <summary>The bytes of a file that the user named, bounded.</summary>
    /// <exception cref="RuntimeErrorException">AR8008.</exception>
    public static byte[] ReadFile(FileInfo file, long maxBytes)
    {
        try
        {
            return file.Length <= maxBytes
                ? File.ReadAllBytes(file.FullName)
                : throw Unreadable(file, $"it has {file.Length} bytes, more than {maxBytes}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(file, e.Message);
        }
    }

    private static RuntimeErrorException Unreadable(FileInfo file, string why) =>
        new(new RuntimeError(ReasonCodes.UnreadableFile, $"cannot read {file}: {why}", file.ToString()));
}
