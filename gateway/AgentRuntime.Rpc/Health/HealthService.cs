using System.Threading.Channels;
using AgentRuntime.Rpc.Metadata;
using AgentRuntime.Rpc.Server;
using Status = AgentRuntime.Rpc.Health.HealthCheckResponse.Types.ServingStatus;

namespace AgentRuntime.Rpc.Health;

/// <summary>
/// <c>grpc.health.v1.Health</c> (grpc: doc/health-checking.md). The service "" stands for the whole process.
/// Thread-safe.
/// </summary>
public sealed class HealthService
{
    /// <summary>Check: one answer, NOT_FOUND for a service without a status.</summary>
    public static RpcMethod<HealthCheckRequest, HealthCheckResponse> Check { get; } =
        new("grpc.health.v1.Health", "Check");

    /// <summary>Watch: the status now and on each change, SERVICE_UNKNOWN for a service without one.</summary>
    public static RpcMethod<HealthCheckRequest, HealthCheckResponse> Watch { get; } =
        new("grpc.health.v1.Health", "Watch");

    private const int MostWatchers = 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Status> _services = new(StringComparer.Ordinal);
    private readonly List<(string Service, ChannelWriter<Status> Changes)> _watchers = [];

    /// <summary>Sent with the refusal of a watcher who is one too many; default nothing.</summary>
    public RpcMetadata? TrailersWhenFull { get; init; }

    /// <summary>Sets a service's status and tells those who watch it.</summary>
    public void Set(string service, Status status)
    {
        lock (_gate)
        {
            _services[service] = status;
            foreach (var watcher in _watchers.Where(w => w.Service == service)) watcher.Changes.TryWrite(status);
        }
    }

    /// <summary>Adds the service to a server.</summary>
    public void AddTo(RpcServer server)
    {
        ArgumentNullException.ThrowIfNull(server);
        server.Unary(Check, CheckAsync).ServerStreaming(Watch, WatchAsync);
    }

    private Task<HealthCheckResponse> CheckAsync(HealthCheckRequest request, RpcServerCall call)
    {
        lock (_gate)
        {
            return _services.TryGetValue(request.Service, out var status)
                ? Task.FromResult(new HealthCheckResponse { Status = status })
                : throw new RpcException(RpcStatusCode.NotFound, "no such service");
        }
    }

    private async Task WatchAsync(
        HealthCheckRequest request, IRpcWriter<HealthCheckResponse> responses, RpcServerCall call)
    {
        // Only the latest status matters to a watcher that is slow.
        var changes = Channel.CreateBounded<Status>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        var watcher = (request.Service, changes.Writer);
        lock (_gate)
        {
            if (_watchers.Count == MostWatchers)
            {
                throw new RpcException(
                    new RpcStatus(RpcStatusCode.ResourceExhausted, $"{MostWatchers} calls watch already"),
                    TrailersWhenFull);
            }

            _watchers.Add(watcher);
            changes.Writer.TryWrite(_services.GetValueOrDefault(request.Service, Status.ServiceUnknown));
        }

        try
        {
            await foreach (var status in changes.Reader.ReadAllAsync(call.CancellationToken))
                await responses.WriteAsync(new() { Status = status });
        }
        finally
        {
            lock (_gate) _watchers.Remove(watcher);
        }
    }
}
