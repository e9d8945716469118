namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Patterns of the formats that JSON Schema defines (2020-12 validation, section 7.3), of those that one says.
/// </summary>
internal static class StringFormats
{
    private const string Years = @"(\d\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";

    private const string Date = @"(\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)"
        + @"|02-(0[1-9]|1\d|2[0-8]))|" + Years + "-02-29)";

    private const string Time = @"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)";

    /// <summary>RFC 3339, appendix A.</summary>
    private const string Days = @"(\d+D|\d+M(\d+D)?|\d+Y(\d+M(\d+D)?)?)";

    private const string Hours = @"T(\d+S|\d+M(\d+S)?|\d+H(\d+M(\d+S)?)?)";

    private const string Octet = @"(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])";
    private const string IPv4 = Octet + @"(\." + Octet + "){3}";
    private const string Label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";

    /// <summary>RFC 3986, section 3.2.2.</summary>
    private const string IPv6 = "((H:){6}L|::(H:){5}L|H?::(H:){4}L|((H:)?H)?::(H:){3}L|((H:){0,2}H)?::(H:){2}L"
        + "|((H:){0,3}H)?::H:L|((H:){0,4}H)?::L|((H:){0,5}H)?::H|((H:){0,6}H)?::)";

    /// <summary>What RFC 3987 has beyond ASCII, but for private use.</summary>
    private const string Others = @"\u00A0-\uD7FF\uF900-\uFDCF\uFDF0-\uFFEF\u{10000}-\u{1FFFD}";

    /// <summary>The pattern of a format, from end to end; null for a format that has none here.</summary>
    public static string? Pattern(string? format) => format switch
    {
        "date" => $"^{Date}$",
        "time" => $"^{Time}$",
        "date-time" => $"^{Date}T{Time}$",
        "duration" => $@"^P(\d+W|{Days}({Hours})?|{Hours})$",
        "uuid" => "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        "ipv4" => $"^{IPv4}$",
        "ipv6" => $"^{Address()}$",
        "hostname" => $@"^{Label}(\.{Label})*$",
        "email" => $@"^[A-Za-z0-9_%+-]+(\.[A-Za-z0-9_%+-]+)*@({Label}\.)+[A-Za-z][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]$",
        "uri" => Identifier(mayBeRelative: false, ""),
        "uri-reference" => Identifier(mayBeRelative: true, ""),
        "iri" => Identifier(mayBeRelative: false, Others),
        "iri-reference" => Identifier(mayBeRelative: true, Others),
        "json-pointer" => "^(/([^~/]|~[01])*)*$",
        _ => null,
    };

    /// <summary>
    /// The pattern of texts of a format that have no more than so many characters, whatever they are: of most that
    /// there are, since each part has its own greatest length. Null where that would leave too few.
    /// </summary>
    /// <param name="format">The format.</param>
    /// <param name="least">The least characters that they must have.</param>
    /// <param name="most">The most characters.</param>
    public static string? Short(string format, int least, int most) => format switch
    {
        // As long as an address may be (RFC 5321, section 4.5.3.1, less two brackets): 24 + 2 * 21 + 1 + 3 * 41 + 59.
        "email" when least <= 6 && most >= 254 => "^[A-Za-z0-9_%+-]{1,24}(\\.[A-Za-z0-9_%+-]{1,20}){0,2}@"
            + "([A-Za-z0-9]([A-Za-z0-9-]{0,38}[A-Za-z0-9])?\\.){1,3}[A-Za-z][A-Za-z0-9-]{0,57}[A-Za-z0-9]$",
        "uri" or "iri" or "uri-reference" or "iri-reference" when least <= 2 && most >= 1000 =>
            ShortIdentifier(Math.Min(most, 10_000)),
        _ => null,
    };

    /// <summary>A URI of the schemes and hosts that there are, with what is left for the rest.</summary>
    private static string ShortIdentifier(int most)
    {
        const string Sign = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
        const string Before = "[A-Za-z][A-Za-z0-9+.-]{0,11}:";
        const string Authority = "//[A-Za-z0-9._~!$&'()*+,;=-]{0,80}(:[0-9]{0,5})?";
        // Scheme, authority, and the first signs of path (two), query and fragment; what may be written in three.
        var signs = (most - 13 - 88 - 4 - 2) / 3;
        var (path, rest) = (signs * 2 / 5, signs * 3 / 10);
        return $"^{Before}({Authority}(/({Sign}|/){{0,{path}}})?|/?{Sign}({Sign}|/){{0,{path}}})"
            + $"(\\?({Sign}|[/?]){{0,{rest}}})?(#({Sign}|[/?]){{0,{rest}}})?$";
    }

    private static string Address() => IPv6
        .Replace("L", $"(H:H|{IPv4})", StringComparison.Ordinal)
        .Replace("H", "[0-9a-fA-F]{1,4}", StringComparison.Ordinal);

    /// <summary>A URI (RFC 3986, appendix A), or with other characters an IRI (RFC 3987).</summary>
    private static string Identifier(bool mayBeRelative, string others)
    {
        var sign = $"[A-Za-z0-9._~!$&'()*+,;=:@{others}-]|%[0-9A-Fa-f]{{2}}";
        var (user, name, first) = (Without("@"), Without(":@"), Without(":"));
        var authority = $@"(({user})*@)?(\[{Address()}\]|({name})*)(:\d*)?";
        var absolute = $"//{authority}(/({sign})*)*|/(({sign})+(/({sign})*)*)?";
        const string Scheme = "[A-Za-z][A-Za-z0-9+.-]*:";
        var whole = mayBeRelative
            ? $"(({Scheme})?({absolute})|{Scheme}(({sign})+(/({sign})*)*)?|({first})+(/({sign})*)*|)"
            : $"{Scheme}({absolute}|({sign})+(/({sign})*)*|)";
        return $@"^{whole}(\?({sign}|[/?])*)?(#({sign}|[/?])*)?$";

        string Without(string signs) => signs.Aggregate(sign, (s, c) => s.Replace(
            c.ToString(), "", StringComparison.Ordinal));
    }
}
