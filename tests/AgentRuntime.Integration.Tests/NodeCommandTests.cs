using AgentRuntime.Integration.Tests.Processes;

namespace AgentRuntime.Integration.Tests;

/// <summary><c>agentruntime node</c> as a process, simulated.</summary>
public sealed class NodeCommandTests
{
    [Theory]
    [InlineData("/dev/zero", "it has more than 16384 bytes")]
    [InlineData("/dev/null", "it is not one line of printable ASCII")]
    [InlineData("/etc/passwd", "it is not one line of printable ASCII")]
    [InlineData("/etc", "denied")]
    public async Task A_join_secret_that_is_none_is_refused(string file, string told)
    {
        if (!OperatingSystem.IsLinux()) return;
        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet",
            [Programs.Platform, "node", "--simulate", "--register", "http://127.0.0.1:9", "--register-key-file", file],
            // What reads without an end is to fail soon.
            new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x10000000" });

        Assert.Equal(1, exit);
        Assert.Contains("error AR8008: cannot read the secret", output, StringComparison.Ordinal);
        Assert.Contains(told, output, StringComparison.Ordinal);
        Assert.Contains(file, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--config", "/dev/zero", "AR8008: cannot read the configuration: it has more than")]
    public async Task A_configuration_without_an_end_is_refused(string option, string file, string told)
    {
        if (!OperatingSystem.IsLinux()) return;
        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Platform, "all", option, file],
            new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x10000000" });

        Assert.Equal(1, exit);
        Assert.Contains($"error {told}", output, StringComparison.Ordinal);
    }
}
