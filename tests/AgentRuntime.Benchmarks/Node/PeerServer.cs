using System.Diagnostics;
using AgentRuntime.TestKit;

namespace AgentRuntime.Benchmarks.Node;

/// <summary>llama.cpp's own server, built once by <c>tests/peers/llama-server/build</c>.</summary>
internal static class PeerServer
{
    /// <summary>Its path; null, with the reason on standard error, when it cannot be built.</summary>
    public static async Task<string?> FindAsync(CancellationToken cancellationToken)
    {
        var script = Path.Combine(Repository.Root, "tests", "peers", "llama-server", "build");
        using var build = Process.Start(new ProcessStartInfo(script)
        {
            RedirectStandardOutput = true, UseShellExecute = false,
        })!;
        var path = (await build.StandardOutput.ReadToEndAsync(cancellationToken)).Trim();
        await build.WaitForExitAsync(cancellationToken);
        return build.ExitCode == 0 ? path : null;
    }

    /// <summary>
    /// Starts it with as many threads, sequences and cells as the node; null, with the reason on standard error, when
    /// it does not run here.
    /// </summary>
    public static async Task<EngineProcess?> StartAsync(string path, string model, NodeShape shape)
    {
        try
        {
            return await EngineProcess.StartAsync(path, port =>
            [
                "--model", model, "--host", "127.0.0.1", "--port", port, "--threads", shape.ThreadsText,
                "--threads-batch", shape.ThreadsText, "--parallel", shape.ParallelText, "--ctx-size", shape.PoolText,
                "--kv-unified", "--no-warmup",
            ]);
        }
        catch (InvalidOperationException e)
        {
            Console.Error.WriteLine($"measured without its peer: {e.Message}");
            return null;
        }
    }
}
