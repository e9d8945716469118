using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// The ipaddr extension: an IPv4 or IPv6 address or CIDR range, in the strict forms of the reference implementation (no
/// leading zeros, no IPv4 inside IPv6, no zone). Immutable.
/// </summary>
public sealed class CedarIpAddress : IEquatable<CedarIpAddress>
{
    private const int MaximumLength = 43;

    private readonly UInt128 _bits;

    private CedarIpAddress(UInt128 bits, int prefix, bool isIPv6)
    {
        _bits = bits;
        PrefixLength = prefix;
        IsIPv6 = isIPv6;
    }

    public bool IsIPv6 { get; }

    public bool IsIPv4 => !IsIPv6;

    /// <summary>The prefix length in bits; 32 or 128 for a single address.</summary>
    public int PrefixLength { get; }

    public bool IsLoopback => IsIPv6
        ? _bits == UInt128.One && PrefixLength == 128
        : _bits >> 24 == 127 && PrefixLength >= 8;

    public bool IsMulticast => IsIPv6
        ? _bits >> 120 == 0xff && PrefixLength >= 8
        : _bits >> 28 == 0xe && PrefixLength >= 4;

    private int Width => IsIPv6 ? 128 : 32;

    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out CedarIpAddress? address)
    {
        address = null;
        if (text.Length is 0 or > MaximumLength) return false;
        var slash = text.IndexOf('/');
        var host = slash < 0 ? text : text[..slash];
        var isIPv6 = host.Contains(':');
        UInt128 bits;
        if (isIPv6 ? !TryIPv6(host, out bits) : !TryIPv4(host, out bits)) return false;
        var prefix = isIPv6 ? 128 : 32;
        if (slash >= 0 && !TryPrefix(text[(slash + 1)..], prefix, out prefix)) return false;
        address = new(bits, prefix, isIPv6);
        return true;
    }

    /// <summary>True when every address of this range lies in the other.</summary>
    public bool IsInRange(CedarIpAddress other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (IsIPv6 != other.IsIPv6 || PrefixLength < other.PrefixLength) return false;
        var shift = Width - other.PrefixLength;
        return shift >= 128 || _bits >> shift == other._bits >> shift;
    }

    public bool Equals([NotNullWhen(true)] CedarIpAddress? other) =>
        other is not null && _bits == other._bits && PrefixLength == other.PrefixLength && IsIPv6 == other.IsIPv6;

    public override bool Equals([NotNullWhen(true)] object? obj) => Equals(obj as CedarIpAddress);

    public override int GetHashCode() => HashCode.Combine(_bits, PrefixLength, IsIPv6);

    /// <summary>The address, with <c>/prefix</c> unless it is a single one.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(MaximumLength);
        if (IsIPv6) AppendIPv6(text);
        else AppendIPv4(text);
        if (PrefixLength != Width) text.Append('/').Append(PrefixLength.ToString(CultureInfo.InvariantCulture));
        return text.ToString();
    }

    private static bool TryIPv4(ReadOnlySpan<char> text, out UInt128 bits)
    {
        bits = 0;
        for (var octet = 0; octet < 4; octet++)
        {
            var end = octet == 3 ? text.Length : text.IndexOf('.');
            if (end is < 1 or > 3) return false;
            var value = 0;
            foreach (var c in text[..end])
            {
                if (!char.IsAsciiDigit(c)) return false;
                value = (value * 10) + (c - '0');
            }

            if (value > 255 || (text[0] == '0' && end > 1)) return false;
            bits = (bits << 8) | (UInt128)value;
            text = octet == 3 ? [] : text[(end + 1)..];
        }

        return true;
    }

    private static bool TryIPv6(ReadOnlySpan<char> text, out UInt128 bits)
    {
        bits = 0;
        var gap = text.IndexOf("::");
        if (gap < 0) return TryGroups(text, out bits, out var all) && all == 8;
        if (!TryGroups(text[..gap], out var high, out var before)) return false;
        if (!TryGroups(text[(gap + 2)..], out var low, out var after)) return false;
        if (before + after > 7) return false;
        bits = before == 0 ? low : (high << (16 * (8 - before))) | low;
        return true;
    }

    private static bool TryGroups(ReadOnlySpan<char> text, out UInt128 bits, out int count)
    {
        bits = 0;
        count = 0;
        if (text.IsEmpty) return true;
        while (true)
        {
            var end = text.IndexOf(':');
            var group = end < 0 ? text : text[..end];
            if (group.Length is < 1 or > 4 || ++count > 8) return false;
            var value = 0;
            foreach (var c in group)
            {
                if (!char.IsAsciiHexDigit(c)) return false;
                value = (value << 4) | (char.IsAsciiDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
            }

            bits = (bits << 16) | (UInt128)value;
            if (end < 0) return true;
            text = text[(end + 1)..];
        }
    }

    private static bool TryPrefix(ReadOnlySpan<char> text, int most, out int prefix)
    {
        prefix = 0;
        if (text.Length < 1 || text.Length > (most == 32 ? 2 : 3) || (text[0] == '0' && text.Length > 1)) return false;
        foreach (var c in text)
        {
            if (!char.IsAsciiDigit(c)) return false;
            prefix = (prefix * 10) + (c - '0');
        }

        return prefix <= most;
    }

    private void AppendIPv4(StringBuilder text)
    {
        for (var shift = 24; shift >= 0; shift -= 8)
        {
            text.Append(((int)(_bits >> shift) & 0xff).ToString(CultureInfo.InvariantCulture));
            if (shift > 0) text.Append('.');
        }
    }

    // RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups becomes "::".
    private void AppendIPv6(StringBuilder text)
    {
        Span<int> groups = stackalloc int[8];
        for (var i = 0; i < 8; i++) groups[i] = (int)(_bits >> (112 - (16 * i))) & 0xffff;
        var (best, bestLength) = (-1, 1);
        for (var i = 0; i < 8; i++)
        {
            var length = 0;
            while (i + length < 8 && groups[i + length] == 0) length++;
            if (length > bestLength) (best, bestLength) = (i, length);
            i += length;
        }

        for (var i = 0; i < 8; i++)
        {
            if (i == best)
            {
                text.Append("::");
                i += bestLength - 1;
                continue;
            }

            if (i > 0 && text[^1] != ':') text.Append(':');
            text.Append(groups[i].ToString("x", CultureInfo.InvariantCulture));
        }
    }
}
