using System.Security.Cryptography;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Host.Seeding;

/// <summary>A file with a secret in it: readable by its owner only from the moment it exists.</summary>
internal static class SecretFile
{
    /// <summary>Longer than any key or token; a file that has more is not the one that was meant.</summary>
    private const int MostBytes = 16 << 10;

    /// <summary>The random bytes of a file; made on first use.</summary>
    /// <exception cref="RuntimeErrorException">AR8008: it cannot be read, or holds something else.</exception>
    public static byte[] Ensure(string path, int bytes)
    {
        var text = Read(path, make: bytes);
        try
        {
            return Convert.FromHexString(text);
        }
        catch (FormatException e)
        {
            throw Unreadable(path, "cannot read the secret: it is not written in hexadecimal digits", e);
        }
    }

    /// <summary>A secret in text form; made on first use when it may be.</summary>
    /// <exception cref="RuntimeErrorException">AR8008: it cannot be read, or is nothing to send.</exception>
    public static string ReadText(string path, bool make = false) => Read(path, make ? 32 : 0);

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
            throw Unreadable(path, $"cannot write the secret: {e.Message}", e);
        }
    }

    /// <param name="path">The file.</param>
    /// <param name="make">Random bytes to write where there is no file; 0 for none.</param>
    private static string Read(string path, int make)
    {
        try
        {
            if (make > 0 && !File.Exists(path)) Write(path, Convert.ToHexString(RandomNumberGenerator.GetBytes(make)));
            using var reader = new StreamReader(new MemoryStream(BoundedFile.Read(path, MostBytes)));
            var secret = reader.ReadToEnd().Trim();
            // It travels in a header, which carries nothing else (RFC 9110, 5.5).
            return secret.Length > 0 && secret.All(c => c is >= ' ' and <= '~')
                ? secret
                : throw new IOException("it is not one line of printable ASCII");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, $"cannot read the secret: {e.Message}", e);
        }
    }

    private static RuntimeErrorException Unreadable(string path, string message, Exception inner) =>
        new(new RuntimeError(ReasonCodes.UnreadableFile, message, path), inner);
}
