using System.Diagnostics;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Execution.Tests;

/// <summary>The sample shop as a process of its own, over data that goes with it.</summary>
internal sealed class ShopProcess : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("agentruntime-shop-");
    private Process _process = null!;

    /// <summary>Where it serves.</summary>
    public Uri Endpoint { get; private set; } = null!;

    /// <summary>The shop as a bundle names it.</summary>
    public ToolServer Server => new("shop", Endpoint) { Timeout = TimeSpan.FromSeconds(20) };

    /// <summary>The tools as the demo bundle pins them.</summary>
    public static IReadOnlyList<ToolDescriptor> Pins { get; } =
    [
        .. JsonElement.Parse(File.ReadAllText(
            Path.Combine(Repository.Root, "policies", "bundles", "demo", "tools", "shop.json"))).EnumerateArray()
            .Select(t => new ToolDescriptor(
                "shop/" + t.GetProperty("name").GetString(),
                t.GetProperty("description").GetString()!,
                t.GetProperty("inputSchema"))),
    ];

    public static async Task<ShopProcess> StartAsync()
    {
        var shop = new ShopProcess();
        await shop.LaunchAsync(port: 0);
        return shop;
    }

    /// <summary>Kills the process; its data stays.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    /// <summary>Starts it again where it was.</summary>
    public Task ReviveAsync() => LaunchAsync(Endpoint.Port);

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _folder.Delete(recursive: true);
    }

    private async Task LaunchAsync(int port)
    {
        _process = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath!,
            [
                "exec",
                Path.Combine(AppContext.BaseDirectory, "AgentRuntime.Samples.Shop.dll"),
                "--port",
                $"{port}",
                "--data",
                Path.Combine(_folder.FullName, "shop.db"),
            ])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        var line = await _process.StandardOutput.ReadLineAsync();
        Endpoint = new Uri(line!["ready ".Length..]);
    }
}
