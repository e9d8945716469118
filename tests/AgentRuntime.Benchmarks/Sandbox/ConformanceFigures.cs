using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace AgentRuntime.Benchmarks.Sandbox;

/// <summary>Runs <c>./tests/conformance wasm</c> over the shared corpus, where there is one.</summary>
internal static class ConformanceFigures
{
    public static async Task MeasureAsync(
        SandboxOptions options, JsonObject figures, CancellationToken cancellationToken)
    {
        figures["conformance_passed"] = null;
        figures["conformance_total"] = null;
        var root = Root(AppContext.BaseDirectory);
        var data = Environment.GetEnvironmentVariable("AGENTRUNTIME_DATA") ?? Path.Combine(
            root, "..", "shared", "data");
        var archive = Path.Combine(data, "wasm-spec-2.0-json.tar.xz");
        if (!File.Exists(archive)) return;
        var folder = Directory.CreateTempSubdirectory("wasm-spec-");
        try
        {
            await RunAsync("tar", ["xJf", archive, "-C", folder.FullName], cancellationToken);
            var output = await RunAsync(Path.Combine(root, "tests", "conformance"),
                ["wasm", folder.FullName, "--engine", options.Engine,
                    .. options.Library is null ? Array.Empty<string>() : ["--library", options.Library]],
                cancellationToken);
            var words = output.TrimEnd().Split('\n')[^1].Split(' ');
            var passed = int.Parse(words[0], CultureInfo.InvariantCulture);
            figures["conformance_passed"] = passed;
            figures["conformance_total"] = passed + int.Parse(words[2], CultureInfo.InvariantCulture);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<string> RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return output;
    }

    private static string Root(string folder) => File.Exists(Path.Combine(folder, "AgentRuntime.sln"))
        ? folder
        : Root(Directory.GetParent(folder)?.FullName ?? throw new InvalidOperationException("not in a checkout"));
}
