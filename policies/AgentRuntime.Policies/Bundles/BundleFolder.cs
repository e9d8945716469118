using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>A bundle in a folder of the file system, as authors have it before they apply it. Stateless.</summary>
public static class BundleFolder
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// The text of every file below a folder by relative path, without hidden files and folders (see
    /// <see cref="BundleTree"/>). Whatever else cannot be read refuses the folder as a whole: a <c>forbid</c> that is
    /// left out forbids nothing.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR2007: there is no such folder, or too much in it, or a file is not
    /// UTF-8. AR8008: something in it cannot be read, or is a link that leads
    /// out of it.</exception>
    public static IReadOnlyDictionary<string, string> Read(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!Directory.Exists(folder))
            throw Refuse($"there is no folder '{folder}'", "Give the folder that holds bundle.yaml.");
        try
        {
            return ReadWhole(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable($"cannot read the bundle: {e.Message}", folder);
        }
    }

    /// <summary>Everything that is wrong with the bundle in a folder; empty when it could be applied.</summary>
    /// <exception cref="RuntimeErrorException">As <see cref="Read"/>.</exception>
    public static ApplyOutcome Validate(string folder, PolicyOptions? options = null)
    {
        var files = Read(folder);
        var problems = new Problems();
        BundleCompiler.Compile(files, options ?? new(), problems);
        return new(problems.Unreadable ? null : BundleFiles.Digest(files), problems.ToList());
    }

    /// <summary>Validates the bundle in a folder and runs its tests.</summary>
    /// <exception cref="RuntimeErrorException">As <see cref="Read"/>.</exception>
    public static BundleTestReport Test(string folder, PolicyOptions? options = null) =>
        BundleTests.Run(Read(folder), options);

    private static Dictionary<string, string> ReadWhole(string folder)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        long total = 0;
        foreach (var (path, file) in BundleTree.Find(folder))
        {
            total += file.Length;
            if (files.Count == BundleFiles.MaxFiles || total > BundleFiles.MaxTotalBytes)
            {
                throw Refuse(
                    $"'{folder}' holds more than {BundleFiles.MaxFiles} files or {BundleFiles.MaxTotalBytes} bytes",
                    "Give the folder that holds bundle.yaml, and nothing but the bundle.");
            }

            try
            {
                files[path] = Utf8.GetString(File.ReadAllBytes(file.FullName));
            }
            catch (DecoderFallbackException)
            {
                throw Refuse($"'{path}' is not UTF-8 text", "A bundle holds text only.");
            }
        }

        return files;
    }

    private static RuntimeErrorException Unreadable(string message, string folder) =>
        new(new(ReasonCodes.UnreadableFile, message, folder));

    private static RuntimeErrorException Refuse(string message, string action) =>
        new(new(ReasonCodes.InvalidBundle, message, Action: action));
}
