using System.Diagnostics;
using AgentRuntime.Node.Models;
using AgentRuntime.TestKit;

namespace AgentRuntime.Gateway.Tests;

/// <summary>The bundled node as a process of its own, with the small model that the repository makes.</summary>
internal sealed class RealNode : IAsyncDisposable
{
    private readonly Process _process;

    private RealNode(Process process, EngineDescriptor descriptor)
    {
        _process = process;
        Descriptor = descriptor;
    }

    public EngineDescriptor Descriptor { get; }

    /// <summary>Whether the node's native library has been installed.</summary>
    public static bool Available => Directory.Exists(
        Path.Combine(Repository.Root, "gateway", "AgentRuntime.Node", "native", "node_modules"));

    public static string WriteModel(string folder)
    {
        var model = Path.Combine(folder, "noise.gguf");
        NoiseModel.Write(model, new NoiseModelOptions());
        return model;
    }

    public static async Task<RealNode> StartAsync(string name, string model, params string[] more)
    {
        // bin/<configuration>/<framework>, the same for every project of one build.
        var output = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var built = Path.Combine(Repository.Root, "runtime", "AgentRuntime.Host", "bin", output.Parent!.Name);
        var host = Path.Combine(built, output.Name, "agentruntime.dll");
        var process = Process.Start(new ProcessStartInfo(
            "dotnet",
            [
                host, "node", "--model", model, "--model-name", "m", "--name", name, "--context", "2048",
                "--parallel", "8", "--threads", "1", "--exit-with-parent",
                .. more,
            ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        while (await process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            if (!line.StartsWith("ready ", StringComparison.Ordinal))
                continue;

            var address = new Uri(line["ready ".Length..]);
            return new RealNode(process, new EngineDescriptor(name, address, EngineKind.Node));
        }

        throw new InvalidOperationException($"node {name} ended with {process.ExitCode} before it was ready");
    }

    /// <summary>SIGTERM: it drains and ends.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> TerminateAsync()
    {
        using var kill = Process.Start(new ProcessStartInfo("kill", ["-TERM", $"{_process.Id}"])
        {
            UseShellExecute = false,
        })!;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    /// <summary>SIGKILL: no farewell of any kind.</summary>
    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
