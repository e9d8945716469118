using System.Net;
using System.Net.Sockets;

namespace AgentRuntime.Gateway;

/// <summary>
/// One engine for each address of a DNS name, such as a headless service of Kubernetes. The template's host is
/// replaced by the address; an engine's name is the template's and the address. Thread-safe.
/// </summary>
/// <param name="template">How to reach and use each: its address holds the DNS name.</param>
public sealed class DnsEngineSource(EngineDescriptor template) : IEngineSource
{
    private const int MaxEngines = 1_000;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<EngineDescriptor>?> ListAsync(CancellationToken cancellationToken)
    {
        try
        {
            var addresses = await Dns.GetHostAddressesAsync(template.BaseAddress.DnsSafeHost, cancellationToken);
            return [.. addresses.Distinct().Take(MaxEngines).Select(Engine)];
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // A resolver that fails says nothing of the engines.
            return null;
        }
    }

    private EngineDescriptor Engine(IPAddress address) => template with
    {
        Name = $"{template.Name}-{address.ToString().Replace(':', '-').Replace('%', '-')}",
        BaseAddress = new UriBuilder(template.BaseAddress)
        {
            Host = address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString(),
        }.Uri,
    };
}
