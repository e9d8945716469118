namespace AgentRuntime.Host.Composition;

/// <summary>How this program is started once more, for a child: by its own executable, or as <c>dotnet
/// agentruntime.dll</c>, as it was itself.</summary>
internal static class OwnProgram
{
    /// <summary>The executable.</summary>
    public static string File =>
        Environment.ProcessPath ?? throw new InvalidOperationException("the process has no path");

    /// <summary>What comes before the command.</summary>
    public static IReadOnlyList<string> Arguments => Path.GetFileNameWithoutExtension(File) == "dotnet"
        ? [Path.Combine(AppContext.BaseDirectory, "agentruntime.dll")]
        : [];
}
