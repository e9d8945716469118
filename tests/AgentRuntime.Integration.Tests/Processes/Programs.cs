using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests.Processes;

/// <summary>Where the product's programs were built, in the configuration of these tests.</summary>
internal static class Programs
{
    private static readonly string Configuration =
        new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name; // bin/CONFIGURATION/net10.0

    public static string Platform { get; } = Built("runtime/AgentRuntime.Host", "agentruntime.dll");

    public static string Agentctl { get; } = Built("runtime/AgentRuntime.Cli", "agentctl.dll");

    public static string Shop { get; } =
        Built("runtime/samples/AgentRuntime.Samples.Shop", "AgentRuntime.Samples.Shop.dll");

    private static string Built(string project, string file) =>
        Path.Combine(Repository.Root, project, "bin", Configuration, "net10.0", file);
}
