using System.Diagnostics;
using System.Globalization;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>
/// A server in a process of its own, so that its memory can be told from others'. Ends when disposed.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process _process;

    private ChildProcess(Process process, string address)
    {
        _process = process;
        Address = address;
    }

    /// <summary>Where it listens, as it said itself.</summary>
    public string Address { get; }

    /// <summary>Resident memory now, in MiB.</summary>
    public double RssMb => File.ReadLines($"/proc/{_process.Id}/status")
        .First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kib, ..]
        ? double.Parse(kib, CultureInfo.InvariantCulture) / 1024
        : 0;

    /// <summary>Starts this program in one of its roles.</summary>
    public static Task<ChildProcess> StartRoleAsync(string role, params string[] arguments) => StartAsync(
        Environment.ProcessPath!,
        Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet"
            ? [typeof(ChildProcess).Assembly.Location, "gateway", role, .. arguments]
            : ["gateway", role, .. arguments],
        line => line.StartsWith("READY ", StringComparison.Ordinal) ? line["READY ".Length..] : null);

    /// <summary>Starts a program and waits until a line of its output tells the address.</summary>
    public static async Task<ChildProcess> StartAsync(
        string program, IReadOnlyList<string> arguments, Func<string, string?> addressOf)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        start.Environment["DOTNET_gcServer"] = "1"; // as agentruntime runs itself
        start.Environment["NODE_ENV"] = "production";
        start.Environment["TRUSTED_CUSTOM_HOSTS"] = "localhost,127.0.0.1";
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        while (await process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            if (addressOf(line) is not { } address)
                continue;

            // The rest is of no interest, but must be read or the process blocks on it.
            _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
            return new ChildProcess(process, address);
        }

        throw new InvalidOperationException($"{program} ended before it was ready");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }
}
