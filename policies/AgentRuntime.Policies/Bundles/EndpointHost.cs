namespace AgentRuntime.Policies;

/// <summary>
/// Whether the host of an address says what it is. IPv4 has forms in octal, in hex and in one number (inet_aton),
/// digits have forms in Unicode, names may end with a dot, and IPv6 addresses may name an interface: whoever reads a
/// bundle must not mistake one host for another. Where a connection is made, the address itself is looked at in any
/// case. Stateless.
/// </summary>
internal static class EndpointHost
{
    /// <summary>What <see cref="IsPlain"/> asks for, for people.</summary>
    public const string Form =
        "a name without a dot at its end, four decimal numbers, or an IPv6 address without a zone";

    /// <summary>Whether it is written in the usual way.</summary>
    public static bool IsPlain(Uri uri) => uri.HostNameType switch
    {
        UriHostNameType.IPv4 => uri.OriginalString.AsSpan().Trim()
            .StartsWith($"{uri.Scheme}://{uri.Host}", StringComparison.OrdinalIgnoreCase),
        UriHostNameType.IPv6 => !uri.DnsSafeHost.Contains('%', StringComparison.Ordinal),
        _ => IsName(uri.Host),
    };

    /// <summary>A name that ends in a number is an address to some (WHATWG URL, "ends in a number checker").</summary>
    private static bool IsName(string host)
    {
        var last = host[(host.LastIndexOf('.') + 1)..];
        return last.Length > 0 && !last.All(char.IsNumber)
            && !(last.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && last.Skip(2).All(char.IsAsciiHexDigit));
    }
}
