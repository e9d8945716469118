using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>What wrk measured. Immutable.</summary>
internal sealed record WrkResult(double RequestsPerSecond, double P50Ms, double P99Ms, long Errors);

/// <summary>Runs wrk, the load generator (Debian package <c>wrk</c>).</summary>
internal static class Wrk
{
    /// <summary>Installs wrk when it is missing and this is root; otherwise says what to do.</summary>
    public static async Task EnsureAsync()
    {
        if (File.Exists("/usr/bin/wrk"))
            return;

        if (Environment.UserName != "root")
            throw new InvalidOperationException("wrk is not installed; run: sudo apt-get install -y wrk");

        await RunAsync("apt-get", "install", "-y", "-qq", "wrk");
    }

    public static async Task<WrkResult> PostAsync(
        string url, IReadOnlyDictionary<string, string> headers, string body, int connections, TimeSpan duration)
    {
        var script = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(script, Script(headers, body));
            var output = await RunAsync(
                "wrk",
                "-t", Math.Min(connections, 2).ToString(CultureInfo.InvariantCulture),
                "-c", connections.ToString(CultureInfo.InvariantCulture),
                "-d", $"{(int)duration.TotalSeconds}s",
                "--timeout", "10s",
                "-s", script,
                url);
            var line = output.Split('\n').Single(l => l.StartsWith("JSON ", StringComparison.Ordinal));
            var json = JsonDocument.Parse(line["JSON ".Length..]).RootElement;
            return new WrkResult(
                json.GetProperty("requests").GetDouble() / (json.GetProperty("us").GetDouble() / 1e6),
                json.GetProperty("p50").GetDouble() / 1e3,
                json.GetProperty("p99").GetDouble() / 1e3,
                json.GetProperty("errors").GetInt64());
        }
        finally
        {
            File.Delete(script);
        }
    }

    private static string Script(IReadOnlyDictionary<string, string> headers, string body) =>
        $"""
        wrk.method = "POST"
        wrk.body = [[{body}]]
        {string.Join('\n', headers.Select(h => $"wrk.headers[\"{h.Key}\"] = \"{h.Value}\""))}
        function done(summary, latency, requests)
          local e = summary.errors
          io.write(string.format('JSON {"{"}"requests":%d,"us":%d,"p50":%d,"p99":%d,"errors":%d{"}"}\n',
            summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
            e.connect + e.read + e.write + e.status + e.timeout))
        end
        """;

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        }) ?? throw new InvalidOperationException($"{program} did not start");
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {output}");
    }
}
