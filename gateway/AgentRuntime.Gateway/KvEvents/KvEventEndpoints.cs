namespace AgentRuntime.Gateway;

/// <summary>Where an engine publishes its KV events on ZeroMQ. Immutable.</summary>
/// <param name="Publisher"><c>tcp://host:port</c> of its PUB socket (vLLM's usual port is 5557).</param>
/// <param name="Replay"><c>tcp://host:port</c> of its ROUTER that sends missed batches again; null for none.</param>
public sealed record KvEventEndpoints(Uri Publisher, Uri? Replay)
{
    /// <summary>Topics that begin so are listened to. Default all.</summary>
    public string Topic { get; init; } = "";

    internal static bool IsUsable(Uri? address) =>
        address is { IsAbsoluteUri: true, Scheme: "tcp", Port: > 0 } && address.DnsSafeHost.Length > 0;

    /// <summary>
    /// What an engine says of itself, on the host that it is known by: an engine must not be able to point the gateway
    /// at other machines. Null when it says nothing that can be used.
    /// </summary>
    internal static KvEventEndpoints? Announced(Uri engine, string? publisher, string? replay) =>
        On(engine, publisher) is { } address ? new(address, On(engine, replay)) : null;

    private static Uri? On(Uri engine, string? address) =>
        address?.LastIndexOf(':') is > 0 and var colon
        && ushort.TryParse(address.AsSpan(colon + 1), out var port) && port > 0
            ? new UriBuilder("tcp", engine.Host, port).Uri
            : null;
}
