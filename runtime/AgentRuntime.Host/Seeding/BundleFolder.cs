namespace AgentRuntime.Host.Seeding;

/// <summary>A policy bundle's files by relative path, as the policy ports take them.</summary>
internal static class BundleFolder
{
    public static Dictionary<string, string> Read(string folder) =>
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(
            file => Path.GetRelativePath(folder, file).Replace('\\', '/'),
            File.ReadAllText);
}
