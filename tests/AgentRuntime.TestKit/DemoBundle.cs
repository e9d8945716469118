namespace AgentRuntime.TestKit;

/// <summary>The demo's policy bundle as tests change and apply it.</summary>
public static class DemoBundle
{
    /// <summary>The folder in the checkout.</summary>
    public static string Folder { get; } = Path.Combine(Repository.Root, "policies", "bundles", "demo");

    /// <summary>Its files' text by relative path.</summary>
    public static Dictionary<string, string> Files() =>
        Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories)
            .ToDictionary(file => Path.GetRelativePath(Folder, file), File.ReadAllText);
}
