using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using AgentRuntime.TestKit;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>npm <c>@portkey-ai/gateway</c> (Apache-2.0), the gateway that is compared with.</summary>
internal static class Portkey
{
    /// <summary>Starts it, and installs it before when it is missing.</summary>
    public static async Task<ChildProcess> StartAsync()
    {
        var peers = Path.Combine(Repository.Root, "tests", "peers");
        var start = Path.Combine(peers, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js");
        if (!File.Exists(start))
        {
            Console.Error.WriteLine("installing the peers with npm");
            using var npm = Process.Start(new ProcessStartInfo(
                "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            {
                WorkingDirectory = peers,
                RedirectStandardOutput = true,
                UseShellExecute = false,
            })!;
            await npm.StandardOutput.ReadToEndAsync();
            await npm.WaitForExitAsync();
        }

        var port = FreePort();
        return await ChildProcess.StartAsync(
            "node", [start, $"--port={port}", "--headless"],
            line => line.Contains("running", StringComparison.OrdinalIgnoreCase)
                || line.Contains("Ready", StringComparison.OrdinalIgnoreCase) ? $"http://127.0.0.1:{port}" : null,
            new() { ["NODE_ENV"] = "production", ["TRUSTED_CUSTOM_HOSTS"] = "localhost,127.0.0.1" });
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
