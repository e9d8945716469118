using System.CommandLine;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Cli.Policy;

/// <summary>A bundle's folder on the command line, and its files. Hidden files are not part of a bundle.</summary>
internal static class BundleArgument
{
    private const long MaxFileBytes = 1 << 20;
    private const int MaxFiles = 500;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static Argument<DirectoryInfo> Required() =>
        new("bundle") { Description = "The bundle's folder, the one that holds bundle.yaml" };

    /// <summary>Text of a bundle's files by relative path with forward slashes.</summary>
    /// <exception cref="RuntimeErrorException">AR8008.</exception>
    public static Dictionary<string, string> Read(DirectoryInfo folder)
    {
        if (!folder.Exists) throw Unreadable(folder, "there is no such folder");
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            MaxRecursionDepth = 8,
            AttributesToSkip = FileAttributes.Hidden | FileAttributes.System | FileAttributes.ReparsePoint,
        };
        var files = folder.EnumerateFiles("*", options).Take(MaxFiles + 1).ToList();
        if (files.Count > MaxFiles) throw Unreadable(folder, $"it holds more than {MaxFiles} files");
        return files.ToDictionary(
            file => Path.GetRelativePath(folder.FullName, file.FullName).Replace('\\', '/'), Text);
    }

    private static string Text(FileInfo file)
    {
        try
        {
            return Utf8.GetString(Failure.ReadFile(file, MaxFileBytes));
        }
        catch (DecoderFallbackException)
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.UnreadableFile, $"cannot read {file}: it is not UTF-8 text", file.ToString()));
        }
    }

    private static RuntimeErrorException Unreadable(DirectoryInfo folder, string why) =>
        new(new RuntimeError(ReasonCodes.UnreadableFile, $"cannot read {folder}: {why}", folder.ToString()));
}
