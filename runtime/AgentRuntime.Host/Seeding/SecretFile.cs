using System.Security.Cryptography;

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

    public static void Write(string path, string secret)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var writer = new StreamWriter(path, options);
        writer.WriteLine(secret);
    }
}
