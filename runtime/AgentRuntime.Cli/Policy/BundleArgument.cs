using System.CommandLine;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Cli.Policy;

/// <summary>
/// A bundle's folder on the command line, and its files (see <see cref="BundleTree"/>). Whatever cannot be read
/// refuses the folder as a whole, since a <c>forbid</c> that is left out forbids nothing. The platform's own
/// reader (<c>BundleFolder</c>) takes and refuses the same.
/// </summary>
internal static class BundleArgument
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static Argument<DirectoryInfo> Required() =>
        new("bundle") { Description = "The bundle's folder, the one that holds bundle.yaml" };

    /// <summary>Text of a bundle's files by relative path with forward slashes.</summary>
    /// <exception cref="RuntimeErrorException">AR8008.</exception>
    public static Dictionary<string, string> Read(DirectoryInfo folder)
    {
        if (!folder.Exists) throw Unreadable(folder, "there is no such folder");
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        long total = 0;
        try
        {
            foreach (var (path, file) in BundleTree.Find(folder.FullName))
            {
                total += file.Length;
                if (files.Count == WireBounds.BundleFiles || total > WireBounds.BundleBytes)
                    throw Unreadable(
                        folder,
                        $"it holds more than {WireBounds.BundleFiles} files or {WireBounds.BundleBytes} bytes");
                files.Add(path, Text(file));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(folder, e.Message);
        }

        return files;
    }

    private static string Text(FileInfo file)
    {
        try
        {
            return Utf8.GetString(Failure.ReadFile(file, WireBounds.BundleFileBytes));
        }
        catch (DecoderFallbackException)
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.UnreadableFile, $"cannot read {file}: it is not UTF-8 text", file.ToString()));
        }
    }

    private static RuntimeErrorException Unreadable(FileSystemInfo entry, string why) =>
        new(new RuntimeError(ReasonCodes.UnreadableFile, $"cannot read {entry}: {why}", entry.ToString()));
}
