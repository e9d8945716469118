using AgentRuntime.Abstractions;
using AgentRuntime.Node.Logging;
using AgentRuntime.Node.Registration;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Node;

/// <summary>The process <c>agentruntime node</c>.</summary>
public static class InferenceNode
{
    /// <summary>How long a model may take to notice that it is not wanted any more.</summary>
    private static readonly TimeSpan StopLoading = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Runs a node until cancelled. Prints one line to <paramref name="output"/> once it can serve:
    /// <c>ready http://HOST:PORT</c>, and before it <c>grpc http://HOST:PORT</c> when gRPC is on.
    /// </summary>
    /// <exception cref="RuntimeErrorException">As <see cref="NodeServer.StartAsync"/>.</exception>
    public static async Task RunAsync(
        NodeOptions options, TextWriter output, ILoggerFactory logging, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (await StartAsync(options, logging, cancellationToken) is not { } started) return;
        await using var server = started;
        if (server.GrpcAddress is { } grpc)
            await output.WriteLineAsync($"grpc {grpc.GetLeftPart(UriPartial.Authority)}".AsMemory(), cancellationToken);
        await output.WriteLineAsync($"ready {server.Address.GetLeftPart(UriPartial.Authority)}".AsMemory(),
            cancellationToken);
        await output.FlushAsync(cancellationToken);
        await using var registrar = options.Registration is { } joining
            ? new NodeRegistrar(
                joining, options, server, TimeProvider.System,
                new BoundedLogger(logging.CreateLogger<NodeRegistrar>(), TimeProvider.System))
            : null;
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellationToken.Register(() => stopped.TrySetResult());
        await stopped.Task;
        if (registrar is not null) await registrar.LeaveAsync();
        await server.StopAsync(CancellationToken.None);
    }

    /// <summary>Starts it; null when it is told to stop before it has.</summary>
    private static async Task<NodeServer?> StartAsync(
        NodeOptions options, ILoggerFactory logging, CancellationToken cancellationToken)
    {
        var starting = NodeServer.StartAsync(options, TimeProvider.System, logging, cancellationToken);
        // Where a file is mapped as a whole from a slow disk, or a large context is made, nothing asks whether to go
        // on: then the process ends beneath it.
        using var patience = new CancellationTokenSource();
        await using var told = cancellationToken.Register(() => patience.CancelAfter(StopLoading));
        try
        {
            return await starting.WaitAsync(patience.Token);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Runs a node with its ready line on standard output.</summary>
    public static Task RunAsync(
        NodeOptions options, ILoggerFactory logging, CancellationToken cancellationToken) =>
        RunAsync(options, Console.Out, logging, cancellationToken);
}
