using System.Security.Cryptography;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Host.Seeding;

/// <summary>A file with a secret in it: readable by its owner only from the moment it exists.</summary>
internal static class SecretFile
{
    /// <summary>The random bytes of a file; made on first use.</summary>
    public static byte[] Ensure(string path, int bytes)
    {
        if (!File.Exists(path)) Write(path, Convert.ToHexString(RandomNumberGenerator.GetBytes(bytes)));
        return Convert.FromHexString(File.ReadAllText(path).Trim());
    }

    /// <summary>A secret in text form; made on first use when it may be.</summary>
    /// <exception cref="RuntimeErrorException">AR8008: it cannot be read.</exception>
    public static string ReadText(string path, bool make = false)
    {
        try
        {
            if (make && !File.Exists(path)) Write(path, Convert.ToHexString(RandomNumberGenerator.GetBytes(32)));
            return File.ReadAllText(path).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RuntimeErrorException(
                new RuntimeError(ReasonCodes.UnreadableFile, $"cannot read the secret: {e.Message}", path), e);
        }
    }

    /// <exception cref="RuntimeErrorException">AR8008: it cannot be written.</exception>
    public static void Write(string path, string secret)
    {
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using var writer = new StreamWriter(path, options);
            writer.WriteLine(secret);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RuntimeErrorException(
                new RuntimeError(ReasonCodes.UnreadableFile, $"cannot write the secret: {e.Message}", path), e);
        }
    }
}
