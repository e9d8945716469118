using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace AgentRuntime.Abstractions;

/// <summary>
/// Which hosts may be reached; everything else is closed. An entry is a host (<c>api.example.com</c>), every host below
/// one (<c>*.example.com</c>), either with a port (<c>api.example.com:443</c>), or a range of addresses
/// (<c>10.0.0.0/8</c>, RFC 4632). Names are compared without case. Where ranges are given, what a name resolves to must
/// lie in one of them. Link-local addresses (RFC 3927, RFC 4291 §2.5.6), where metadata services are, are always
/// closed, also where a translator would lead to one. Immutable; equal when their entries are.
/// </summary>
public sealed class EgressRules : IEquatable<EgressRules>
{
    /// <summary>Metadata services that are not link-local: those of AWS and Google Cloud over IPv6.</summary>
    private static readonly IPAddress[] MetadataServices =
        [IPAddress.Parse("fd00:ec2::254"), IPAddress.Parse("fd20:ce::254")];

    private readonly Host[] _hosts;
    private readonly IPNetwork[] _ranges;
    private readonly string _text;

    private EgressRules(Host[] hosts, IPNetwork[] ranges, string text) =>
        (_hosts, _ranges, _text) = (hosts, ranges, text);

    /// <summary>Reads entries.</summary>
    /// <exception cref="FormatException">An entry has another form.</exception>
    public static EgressRules Parse(IEnumerable<string> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var hosts = new List<Host>();
        var ranges = new List<IPNetwork>();
        var all = entries.Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.Ordinal).ToList();
        foreach (var entry in all)
        {
            if (entry.Contains('/', StringComparison.Ordinal) && IPNetwork.TryParse(entry, out var range))
                ranges.Add(range);
            else if (TryHost(entry) is { } host)
                hosts.Add(host);
            else
                throw new FormatException($"'{entry}' is neither a host nor a range of addresses");
        }

        return new([.. hosts], [.. ranges], string.Join(", ", all));
    }

    /// <summary>Whether an address as it is written may be reached, before its name is resolved.</summary>
    public bool Permits(Uri endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (IPAddress.TryParse(endpoint.IdnHost, out var address)
            && Array.Exists(_ranges, r => r.Contains(Plain(address))))
            return true;
        return Array.Exists(_hosts, h => h.Fits(endpoint.IdnHost, endpoint.Port));
    }

    /// <summary>Whether a connection may be made to an address that a permitted name resolved to.</summary>
    public bool Permits(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return !IsClosed(address)
            && (_ranges.Length == 0 || Array.Exists(_ranges, r => r.Contains(Plain(address)))
                || Array.Exists(_hosts, h => h.Name == Plain(address).ToString()));
    }

    /// <summary>Whether nothing may ever be connected to at an address: metadata services are there.</summary>
    public static bool IsClosed(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var plain = Plain(address);
        return plain.IsIPv6LinkLocal || MetadataServices.Contains(plain) || IsClosed(plain.GetAddressBytes())
            || IsClosed(Translated(plain));
    }

    /// <inheritdoc/>
    public bool Equals(EgressRules? other) => other is not null && other._text == _text;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as EgressRules);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(_text);

    /// <summary>The entries in order.</summary>
    public override string ToString() => _text;

    /// <summary>Link-local, or Alibaba's metadata service.</summary>
    private static bool IsClosed(ReadOnlySpan<byte> address) => address is [169, 254, _, _] or [100, 100, 100, 200];

    /// <summary>
    /// The IPv4 address that a translator takes an IPv6 one to: NAT64 (RFC 6052 §2.1), which a resolver makes of any
    /// name's address by itself, also under the prefix for a site's own use (RFC 8215), 6to4 (RFC 3056 §2), and the
    /// compatible form of old (RFC 4291 §2.5.5.1). Empty for all others.
    /// </summary>
    private static ReadOnlySpan<byte> Translated(IPAddress address) =>
        address.GetAddressBytes() switch
        {
            [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, .. var last] => last,
            [0, 0x64, 0xff, 0x9b, 0, 1, 0, 0, 0, 0, 0, 0, .. var last] => last,
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. var last] => last,
            [0x20, 0x02, var a, var b, var c, var d, .. { Length: 10 }] => new[] { a, b, c, d },
            _ => [],
        };

    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static Host? TryHost(string entry)
    {
        var name = entry;
        int? port = null;
        var colon = entry.LastIndexOf(':');
        if (colon > 0 && (entry.IndexOf(':', StringComparison.Ordinal) == colon || entry[colon - 1] == ']'))
        {
            if (!int.TryParse(entry.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                || number is 0 or > 65_535)
                return null;
            (name, port) = (entry[..colon], number);
        }

        var below = name.StartsWith("*.", StringComparison.Ordinal);
        var bare = (below ? name[2..] : name).Trim('[', ']').ToLowerInvariant();
        if (Uri.CheckHostName(bare) == UriHostNameType.Unknown
            || (below && IPAddress.TryParse(bare, out _)))
            return null;
        return new(
            IPAddress.TryParse(bare, out var ip) && ip.AddressFamily == AddressFamily.InterNetworkV6
                ? ip.ToString()
                : bare,
            below,
            port);
    }

    private sealed record Host(string Name, bool Below, int? Port)
    {
        public bool Fits(string host, int port)
        {
            if (Port is { } only && only != port)
                return false;
            var lower = host.Trim('[', ']').ToLowerInvariant();
            return Below
                ? lower.Length > Name.Length + 1 && lower.EndsWith("." + Name, StringComparison.Ordinal)
                : lower == Name;
        }
    }
}
