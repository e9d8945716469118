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

    /// <summary>
    /// Starts this program as <see cref="LeanEngine"/>: it never blocks, so its sockets may run it where they wait.
    /// </summary>
    public static Task<ChildProcess> StartEngineAsync() => StartAsync(
        Environment.ProcessPath!,
        Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet"
            ? [typeof(ChildProcess).Assembly.Location, "gateway", "engine"]
            : ["gateway", "engine"],
        line => line.StartsWith("READY ", StringComparison.Ordinal) ? line["READY ".Length..] : null,
        new()
        {
            ["DOTNET_gcServer"] = "1",
            ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1",
            ["DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT"] = "1",
            ["DOTNET_ThreadPool_UnfairSemaphoreSpinLimit"] = "0",
        });

    /// <summary>Starts a program and waits until a line of its output tells the address.</summary>
    public static async Task<ChildProcess> StartAsync(
        string program,
        IReadOnlyList<string> arguments,
        Func<string, string?> addressOf,
        Dictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
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
