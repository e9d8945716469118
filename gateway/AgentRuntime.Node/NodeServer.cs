using System.Globalization;
using System.Net;
using System.Net.Sockets;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grpc;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Logging;
using AgentRuntime.Rpc.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace AgentRuntime.Node;

/// <summary>
/// An inference node: llama.cpp in process behind OpenAI-compatible HTTP with vLLM's extensions. Several can run in
/// one process. Start once, stop once; both thread-safe.
/// </summary>
public sealed class NodeServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly NodeService _service;

    private NodeServer(WebApplication app, NodeService service, Uri address, Uri? grpcAddress)
    {
        GrpcAddress = grpcAddress;
        _app = app;
        _service = service;
        Address = address;
    }

    /// <summary>Where the node listens, with the port that it got.</summary>
    public Uri Address { get; }

    /// <summary>Where gRPC listens, with the port that it got; null when it is off.</summary>
    public Uri? GrpcAddress { get; }

    /// <summary>The engine's name, as responses and KV transfers give it.</summary>
    public string EngineName => _service.EngineName;

    /// <summary>The name of the model that it serves.</summary>
    public string ModelName => _service.ModelName;

    /// <summary>What tests look at; not part of the node's surface.</summary>
    internal NodeService Service => _service;

    /// <summary>Loads the model and listens.</summary>
    /// <param name="options">How it runs.</param>
    /// <param name="time">Its clock; null for the system's.</param>
    /// <param name="logging">Where it tells of failures that are no refusals; null for nowhere.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <exception cref="RuntimeErrorException">
    /// AR8001 the options are wrong; AR8003 the address or port cannot be had; AR8004 llama.cpp is not installed;
    /// AR4010 the model does not load.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was given up; the model's loading has ended.</exception>
    public static async Task<NodeServer> StartAsync(
        NodeOptions options, TimeProvider? time = null, ILoggerFactory? logging = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Validate() is { Count: > 0 } faults)
            throw new RuntimeErrorException(new(ReasonCodes.InvalidConfiguration, string.Join("; ", faults), "node"));
        var clock = time ?? TimeProvider.System;
        var log = new BoundedLogger((logging ?? NullLoggerFactory.Instance).CreateLogger<NodeServer>(), clock);
        var service = await Task.Run(
            () => new NodeService(options, clock, log, cancellationToken), cancellationToken);
        WebApplication? app = null;
        try
        {
            app = Build(options, service);
            await app.StartAsync(cancellationToken);
            // In the order in which they were asked for: HTTP first, then gRPC.
            var addresses = app.Services.GetRequiredService<IServer>().Features
                .Get<IServerAddressesFeature>()!.Addresses.Select(a => new Uri(a)).ToArray();
            var address = addresses[0];
            service.Port = address.Port;
            service.AdvertisedHost = options.AdvertisedHost
                ?? (options.Host is "0.0.0.0" or "::" or "*" ? Dns.GetHostName() : options.Host);
            service.EngineName = options.EngineName
                ?? string.Create(CultureInfo.InvariantCulture, $"node-{address.Port}");
            return new(app, service, address, addresses.ElementAtOrDefault(1));
        }
        catch (Exception e)
        {
            if (app is not null) await app.DisposeAsync();
            service.Dispose();
            if (e is not (IOException or SocketException)) throw;
            var ports = options.GrpcPort is { } grpc ? $"{options.Port} and {grpc}" : $"{options.Port}";
            throw new RuntimeErrorException(
                new(ReasonCodes.PortInUse,
                    $"cannot listen on {options.Host}, port {ports}: {e.GetBaseException().Message}", "node",
                    "Choose another port, or an address of this machine."), e);
        }
    }

    /// <summary>Stops listening, ends what runs, frees the model.</summary>
    public async Task StopAsync(CancellationToken cancellationToken = default) =>
        await _app.StopAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _service.Dispose();
    }

    private static WebApplication Build(NodeOptions options, NodeService service)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            ApplicationName = "agentruntime-node",

            // Else every change of a file beneath the folder that it was started in wakes it up.
            Args = ["--hostBuilder:reloadConfigOnChange=false"],
        });
        // What clients do wrong is the server's to log, and of no use; what goes wrong here, NodeLog tells.
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.StopTimeout);
        // A chunk is sent by whoever wrote it: a wake-up of another thread for each costs more than sending it.
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBody.Value;
            kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
            kestrel.Limits.RequestHeadersTimeout = options.HeadersTimeout;
            kestrel.Limits.KeepAliveTimeout = options.IdleTimeout;
            Listen(kestrel, options.Host, options.Port, HttpProtocols.Http1AndHttp2);
            if (options.GrpcPort is { } grpc) Listen(kestrel, options.Host, grpc, HttpProtocols.Http2);
            // One connection carries all of a gateway's streams.
            kestrel.Limits.Http2.MaxStreamsPerConnection = 4096;
        });
        var app = builder.Build();
        if (options.GrpcPort is not null) app.UseRpc(new VllmService(service).CreateServer());
        NodeEndpoints.Map(app, service);
        return app;
    }

    private static void Listen(KestrelServerOptions kestrel, string host, int port, HttpProtocols protocols)
    {
        void Configure(ListenOptions listen) => listen.Protocols = protocols;
        if (IPAddress.TryParse(host, out var ip)) kestrel.Listen(ip, port, Configure);
        else if (host == "localhost") kestrel.Listen(IPAddress.Loopback, port, Configure);
        else kestrel.ListenAnyIP(port, Configure);
    }
}
