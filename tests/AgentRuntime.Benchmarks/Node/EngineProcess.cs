using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace AgentRuntime.Benchmarks.Node;

/// <summary>An inference server in a process of its own, so that its memory can be told. Ends when disposed.</summary>
internal sealed class EngineProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly Process _process;

    private EngineProcess(Process process, Uri address)
    {
        _process = process;
        Http = new(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = 256 })
        {
            BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>A client of it.</summary>
    public HttpClient Http { get; }

    /// <summary>Resident memory now, in MiB.</summary>
    public double RssMb => File.ReadLines($"/proc/{_process.Id}/status")
        .First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kib, ..]
        ? double.Parse(kib, CultureInfo.InvariantCulture) / 1024
        : 0;

    /// <summary>What its threads have computed so far, on all cores together.</summary>
    public TimeSpan CpuTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Starts the bundled node; <see cref="ServedNode"/> reads the arguments.</summary>
    public static Task<EngineProcess> StartNodeAsync(params string[] arguments) => StartAsync(
        Environment.ProcessPath!,
        port => Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet"
            ? [typeof(EngineProcess).Assembly.Location, "node", "serve", port, .. arguments]
            : ["node", "serve", port, .. arguments]);

    /// <summary>Starts a program on a free port and waits until <c>/health</c> is 200.</summary>
    public static async Task<EngineProcess> StartAsync(string program, Func<string, string[]> argumentsOf)
    {
        var port = FreePort();
        var start = new ProcessStartInfo(program, argumentsOf(port.ToString(CultureInfo.InvariantCulture)))
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            UseShellExecute = false,
        };
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        // What it says is of no interest, but must be read or the process blocks on it.
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
        var said = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var engine = new EngineProcess(process, new($"http://127.0.0.1:{port}"));
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        while (!await engine.IsReadyAsync(patience.Token))
        {
            if (process.HasExited)
                throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {await said}");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, patience.Token);
        }

        return engine;
    }

    public void Dispose()
    {
        Http.Dispose();
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var response = await Http.GetAsync(new Uri("/health", UriKind.Relative), cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
