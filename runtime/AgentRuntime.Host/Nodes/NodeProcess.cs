using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;
using AgentRuntime.Abstractions;
using AgentRuntime.Host.Composition;

namespace AgentRuntime.Host.Nodes;

/// <summary>
/// One bundled inference node as a child process. The child ends when its standard input closes, so it cannot outlive
/// this process, however that ends. Started once; the supervisor makes a new one after a death.
/// </summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private const int KeptLines = 20;
    private const string ReadyPrefix = "ready ";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly Queue<string> _lastLines = new();
    private readonly Channel<Uri> _ready = Channel.CreateBounded<Uri>(1);
    private volatile bool _started;

    private NodeProcess(Process process) => _process = process;

    /// <summary>Completes when the child has ended.</summary>
    public Task Exited => _process.WaitForExitAsync(CancellationToken.None);

    /// <summary>Starts a node and waits until it says that it is ready.</summary>
    /// <exception cref="RuntimeErrorException">AR8005 with the child's last lines.</exception>
    public static async Task<(NodeProcess Process, Uri Address)> StartAsync(
        NodeCommand command, TimeProvider time, CancellationToken cancellationToken)
    {
        var process = new Process { StartInfo = StartInfo(command), EnableRaisingEvents = true };
        var node = new NodeProcess(process);
        process.OutputDataReceived += (_, e) => node.Read(e.Data);
        process.ErrorDataReceived += (_, e) => node.ReadError(e.Data);
        process.Exited += (_, _) => node._ready.Writer.TryComplete();
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        using var timeout = new CancellationTokenSource(StartTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            if (await node._ready.Reader.WaitToReadAsync(either.Token) && node._ready.Reader.TryRead(out var address))
                return (node, address);
            await node.Exited; // so that its last words have been read
            throw node.DidNotStart(command, $"ended with code {process.ExitCode}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            await node.DisposeAsync();
            throw node.DidNotStart(command, $"was not ready within {StartTimeout.TotalSeconds:0} s");
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await Exited;
        _process.Dispose();
    }

    private static ProcessStartInfo StartInfo(NodeCommand command)
    {
        var info = new ProcessStartInfo(OwnProgram.File)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in OwnProgram.Arguments) info.ArgumentList.Add(argument);
        foreach (var argument in command.Arguments) info.ArgumentList.Add(argument);
        return info;
    }

    private void Read(string? line)
    {
        if (line is null) return;
        lock (_lastLines)
        {
            if (_lastLines.Count == KeptLines) _lastLines.Dequeue();
            _lastLines.Enqueue(line);
        }

        if (line.StartsWith(ReadyPrefix, StringComparison.Ordinal)
            && Uri.TryCreate(line[ReadyPrefix.Length..], UriKind.Absolute, out var address))
        {
            _started = true;
            _ready.Writer.TryWrite(address);
        }
    }

    /// <summary>What a node says of its failures is said here too; until it has started, as why it did not.</summary>
    private void ReadError(string? line)
    {
        Read(line);
        if (_started && line is not null) StandardError.Write(line);
    }

    private RuntimeErrorException DidNotStart(NodeCommand command, string what)
    {
        string last;
        lock (_lastLines) last = string.Join(" | ", _lastLines);
        return new RuntimeErrorException(new RuntimeError(
            ReasonCodes.ChildProcessFailed,
            $"node '{command.Name}' {what}: {last}",
            command.Name,
            $"Run it by hand to see more: agentruntime {string.Join(' ', command.Arguments)}"));
    }
}

/// <summary>How a node is started; without a model file it is simulated. Immutable.</summary>
internal sealed record NodeCommand(
    string Name, string? ModelFile, string ModelName, int Port, int ContextTokens, int ParallelSequences, int Threads)
{
    /// <summary>Whether it publishes KV events, on any port.</summary>
    public bool KvEvents { get; init; }

    /// <summary>What it computes on.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Whether its answers do not depend on what is computed beside them.</summary>
    public bool Exact { get; init; }

    public IReadOnlyList<string> Arguments =>
    [
        "node",
        "--name", Name,
        .. ModelFile is null ? ["--simulate"] : (string[])["--model", ModelFile],
        "--model-name", ModelName,
        "--port", Text(Port),
        "--context", Text(ContextTokens),
        "--parallel", Text(ParallelSequences),
        "--threads", Text(Threads),
        .. KvEvents ? (ReadOnlySpan<string>)["--kv-events-port", "0"] : [],
        .. Device == "cpu" ? [] : (ReadOnlySpan<string>)["--device", Device],
        .. Exact ? (ReadOnlySpan<string>)["--exact"] : [],
        "--exit-with-parent",
    ];

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
