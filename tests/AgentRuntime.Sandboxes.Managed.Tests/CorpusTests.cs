using System.Diagnostics;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>Runs the official suite from the shared data through the conformance tool, where both are
/// present.</summary>
public sealed class CorpusTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("wasm-spec-2.0-json.tar.xz", 52_000)]
    [InlineData("wasm-spec-2.0-wast.tar.xz", 52_000)]
    public async Task Every_assertion_of_the_official_test_suite_passes(string name, int atLeast)
    {
        var archive = SharedData.Folder is { } folder ? Path.Combine(folder, name) : null;
        if (archive is null || !File.Exists(archive))
        {
            output.WriteLine($"skipped: the shared data has no {name}");
            return;
        }

        var target = Directory.CreateTempSubdirectory("wasm-spec-");
        try
        {
            await Run("tar", "xJf", archive, "-C", target.FullName);
            var tool = Path.Combine(AppContext.BaseDirectory, "AgentRuntime.Conformance.dll");
            var last = await Run("dotnet", tool, "wasm", target.FullName, "--engine", ChosenEngine.Name);
            output.WriteLine(last);
            Assert.Contains(" passed, 0 failed", last, StringComparison.Ordinal);
            Assert.True(int.Parse(last.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture) > atLeast,
                last);
        }
        finally
        {
            target.Delete(recursive: true);
        }
    }

    private static async Task<string> Run(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var tail = text.Length <= 2_000 ? text : text[^2_000..];
        Assert.True(process.ExitCode == 0, tail);
        return text.TrimEnd().Split('\n')[^1];
    }
}
