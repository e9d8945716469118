using System.CommandLine;
using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli;

/// <summary>
/// How a failure looks: one line on standard error with its code. Exit 1 refused or failed, 2 wrong usage, 130
/// interrupted.
/// </summary>
internal static class Failure
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>What shells report of a command that Ctrl-C ended.</summary>
    public const int Interrupted = 130;

    public static int Print(RuntimeError error)
    {
        try
        {
            Console.Error.WriteLine(Terminal.Clean($"error {error}"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Standard error is closed or full; the exit code says that it failed.
        }

        return error.Code == ReasonCodes.UsageError ? 2 : 1;
    }

    public static int Usage(ParseResult parsed)
    {
        foreach (var error in parsed.Errors)
            Print(new RuntimeError(ReasonCodes.UsageError, UsageText.Of(error.Message), Action: "See --help."));
        return 2;
    }

    /// <summary>
    /// The bytes of a file that the user named, bounded. What has no length before it is read, such as a pipe, is read
    /// no further than that either.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR8008.</exception>
    public static byte[] ReadFile(FileInfo file, long maxBytes)
    {
        if (Directory.Exists(file.FullName)) throw Unreadable(file, "it is a folder");
        try
        {
            return BoundedFile.Read(file.FullName, maxBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(file, e.Message);
        }
    }

    /// <summary>
    /// The text of a file that the user named, bounded, without the mark that some editors begin it with.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR8008.</exception>
    public static string ReadText(FileInfo file, long maxBytes)
    {
        try
        {
            return Utf8.GetString(ReadFile(file, maxBytes)).TrimStart('\ufeff');
        }
        catch (DecoderFallbackException)
        {
            throw Unreadable(file, "it is not UTF-8 text");
        }
    }

    private static RuntimeErrorException Unreadable(FileInfo file, string why) =>
        new(new RuntimeError(ReasonCodes.UnreadableFile, $"cannot read {file}: {why}", file.ToString()));
}
