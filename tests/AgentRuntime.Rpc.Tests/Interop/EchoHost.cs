using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Health;
using AgentRuntime.Rpc.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Rpc.Tests.Interop;

/// <summary>The echo service on Kestrel, without TLS and with, on free ports of this machine.</summary>
internal sealed class EchoHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private EchoHost(WebApplication app, EchoService echo, HealthService health, X509Certificate2 certificate)
    {
        _app = app;
        Echo = echo;
        Health = health;
        Certificate = certificate;
        var addresses = app.Urls.Select(u => new Uri(u)).ToArray();
        Plain = addresses.First(a => a.Scheme == "http");
        Tls = addresses.First(a => a.Scheme == "https");
    }

    public EchoService Echo { get; }

    public HealthService Health { get; }

    public X509Certificate2 Certificate { get; }

    public Uri Plain { get; }

    public Uri Tls { get; }

    public static async Task<EchoHost> StartAsync(RpcServerOptions? options = null, TimeProvider? time = null)
    {
        var certificate = SelfSigned();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.UseHttps(certificate);
            });
        });
        var server = new RpcServer(options, time);
        var echo = new EchoService();
        var health = new HealthService();
        echo.AddTo(server);
        health.AddTo(server);
        health.Set("", HealthCheckResponse.Types.ServingStatus.Serving);
        var app = builder.Build();
        app.UseRpc(server);
        await app.StartAsync();
        return new(app, echo, health, certificate);
    }

    public RpcChannel Channel(RpcChannelOptions? options = null, TimeProvider? time = null) =>
        new(Plain, options, time);

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Certificate.Dispose();
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }
}
