namespace AgentRuntime.TestKit;

/// <summary>Where the checkout under test is.</summary>
public static class Repository
{
    /// <summary>The folder that holds <c>AgentRuntime.sln</c>.</summary>
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string folder) =>
        File.Exists(System.IO.Path.Combine(folder, "AgentRuntime.sln"))
            ? folder
            : Find(Directory.GetParent(folder)?.FullName
                ?? throw new InvalidOperationException("the tests do not run inside a checkout"));
}
