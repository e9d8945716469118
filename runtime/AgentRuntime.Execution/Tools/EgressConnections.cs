using System.Net;
using System.Net.Sockets;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Connections to tool servers under the bundle's egress rules. The address that a name resolves to is looked at when
/// it is connected to, so that a name cannot be pointed somewhere else after it was allowed (DNS rebinding). Each set
/// of rules has connections of its own. Stateless.
/// </summary>
internal static class EgressConnections
{
    /// <summary>Calls of one server at a time; more wait within their own timeout.</summary>
    private const int MaxConnectionsPerServer = 64;

    /// <summary>
    /// A client without cookies, credentials, redirects and proxies, whose responses are bounded. The caller owns it.
    /// </summary>
    public static HttpClient NewClient(EgressRules? rules, long maxResponseBytes) =>
        new(new ResponseBound(maxResponseBytes)
        {
            InnerHandler = new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                UseProxy = false,
                ConnectTimeout = TimeSpan.FromSeconds(5),
                PooledConnectionLifetime = TimeSpan.FromMinutes(5),
                MaxConnectionsPerServer = MaxConnectionsPerServer,
                ConnectCallback = (context, cancellationToken) =>
                    ConnectAsync(context.DnsEndPoint, rules, cancellationToken),
            },
        })
        {
            // Each call carries its own deadline.
            Timeout = Timeout.InfiniteTimeSpan,
        };

    /// <summary>Why a server may not be reached.</summary>
    public static RuntimeError Denied(ToolServer server) =>
        new(
            ReasonCodes.EgressDenied,
            $"The tool server '{server.Name}' is at {(server.NamedEndpoint ?? server.Endpoint).Authority}, which the "
                + "bundle's 'egress' does not list.",
            server.Name,
            "Add the host to 'egress' if it may be reached.");

    /// <summary>The refusal that a failed request carries; null when it failed otherwise.</summary>
    public static RuntimeError? DenialIn(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
            if (e is RuntimeErrorException { Error: { } error } && error.Code == ReasonCodes.EgressDenied)
                return error;
        return null;
    }

    private static async ValueTask<Stream> ConnectAsync(
        DnsEndPoint endpoint, EgressRules? rules, CancellationToken cancellationToken)
    {
        var resolved = IPAddress.TryParse(endpoint.Host, out var literal)
            ? [literal]
            : await Dns.GetHostAddressesAsync(endpoint.Host, cancellationToken).ConfigureAwait(false);
        var permitted = resolved
            .Where(a => rules?.Permits(a) ?? !EgressRules.IsClosed(a))
            .ToArray();
        if (permitted.Length == 0 && resolved.Length > 0)
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.EgressDenied,
                $"The address that {endpoint.Host} resolves to may not be reached.",
                $"{endpoint.Host}:{endpoint.Port}",
                "Link-local addresses are always closed; others must be in the ranges that 'egress' lists."));
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(permitted, endpoint.Port, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
