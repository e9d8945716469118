using AgentRuntime.TestKit;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace AgentRuntime.Architecture.Tests;

/// <summary>The files of the checkout that people wrote: build output, packages and state left out.</summary>
internal static class SourceTree
{
    private static readonly string[] Skipped =
        ["bin", "obj", "node_modules", ".git", ".agentruntime", "TestResults", "corpus"];


    public static IEnumerable<string> Files(string pattern) => FilesBelow(Repository.Root, pattern);

    public static string Relative(string file) => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/');

    private static IEnumerable<string> FilesBelow(string folder, string pattern) =>
        Directory.EnumerateFiles(folder, pattern).Concat(
            Directory.EnumerateDirectories(folder)
                .Where(sub => !Skipped.Contains(Path.GetFileName(sub)))
                .SelectMany(sub => FilesBelow(sub, pattern)));
}
