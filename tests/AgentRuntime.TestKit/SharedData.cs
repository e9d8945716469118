namespace AgentRuntime.TestKit;

/// <summary>Finds the corpora that live beside a checkout; tests that need them say so and end when absent.</summary>
public static class SharedData
{
    /// <summary>
    /// The folder of corpora (<c>$AGENTRUNTIME_DATA</c>, or <c>../shared/data</c>); null when there is none.
    /// </summary>
    public static string? Folder
    {
        get
        {
            var folder = Environment.GetEnvironmentVariable("AGENTRUNTIME_DATA")
                ?? Path.Combine(Repository.Root, "..", "shared", "data");
            return Directory.Exists(folder) ? Path.GetFullPath(folder) : null;
        }
    }
}
