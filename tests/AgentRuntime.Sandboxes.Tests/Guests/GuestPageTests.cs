using System.Diagnostics;
using System.Text.RegularExpressions;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.World;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Sandboxes.Tests.Guests;

/// <summary>What <c>runtime/docs/guests.md</c> tells authors of other languages is what the host offers.</summary>
public sealed partial class GuestPageTests(ITestOutputHelper output)
{
    private static readonly string Page = File.ReadAllText(
        Path.Combine(Repository.Root, "runtime", "docs", "guests.md"));

    [Fact]
    public void The_page_lists_every_import_with_its_type() => Assert.Equal(
        AgentWorld.All
            .Where(f => f.Module.StartsWith("agentruntime:", StringComparison.Ordinal))
            .Select(f => $"{f.Module} {f.Name} {f.Type}")
            .Order(StringComparer.Ordinal),
        Import().Matches(Page)
            .Select(row => $"{row.Groups["module"]} {row.Groups["name"]} {row.Groups["type"]}")
            .Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("""{"order_id":"ORD-1001"}""", false)]
    [InlineData("""{"order_id":"none"}""", true)]
    public async Task The_agent_on_the_page_runs(string input, bool isRefused)
    {
        if (await AssembleAsync() is not { } module) return;

        var run = await GuestRun.RunAsync(module, input);

        var call = Assert.IsType<HostCall.CallTool>(Assert.Single(run.Calls));
        Assert.Equal(("shop/lookup_order", input), (call.Name, call.ArgumentsJson));
        Assert.Equal((GuestLogLevel.Info, input), Assert.Single(run.Log));
        var answer = GuestRun.Answers(call);
        if (isRefused)
        {
            Assert.Equal(
                Assert.IsType<HostCallResult.Refused>(answer).Error.Message,
                Assert.IsType<SandboxStep.Failed>(run.Last).Error);
        }
        else
        {
            Assert.Equal(Assert.IsType<HostCallResult.Tool>(answer).Content, run.Output);
        }
    }

    /// <summary>The page's module; null where there is no assembler.</summary>
    private async Task<byte[]?> AssembleAsync()
    {
        const string Assembler = "/usr/bin/wat2wasm";
        if (!File.Exists(Assembler))
        {
            output.WriteLine($"not run, because {Assembler} is not installed");
            return null;
        }

        var folder = Directory.CreateTempSubdirectory("agentruntime-page-").FullName;
        try
        {
            var source = Path.Combine(folder, "agent.wat");
            await File.WriteAllTextAsync(source, Source().Match(Page).Groups["text"].Value);
            using var process = Process.Start(new ProcessStartInfo(Assembler, [source]) { WorkingDirectory = folder })!;
            await process.WaitForExitAsync();
            Assert.Equal(0, process.ExitCode);
            return await File.ReadAllBytesAsync(Path.Combine(folder, "agent.wasm"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex(@"^\| `(?<module>agentruntime:\S+)` \| `(?<name>\S+)` \| (?<type>.+) \|$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Import();

    [GeneratedRegex("^```wat\n(?<text>[^`]*)```$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Source();
}
