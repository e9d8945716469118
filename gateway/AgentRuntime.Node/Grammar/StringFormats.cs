namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Patterns of the formats that JSON Schema defines (2020-12 validation, section 7.3), of those that one says. Days of
/// short months are not told apart.
/// </summary>
internal static class StringFormats
{
    private const string Date = @"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])";
    private const string Time = @"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)";
    private const string Octet = @"(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])";

    /// <summary>The pattern of a format, from end to end; null for a format that has none here.</summary>
    public static string? Pattern(string? format) => format switch
    {
        "date" => $"^{Date}$",
        "time" => $"^{Time}$",
        "date-time" => $"^{Date}T{Time}$",
        "uuid" => "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        "ipv4" => $@"^{Octet}(\.{Octet}){{3}}$",
        "email" => @"^[A-Za-z0-9_%+-]+(\.[A-Za-z0-9_%+-]+)*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
            + @"(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$",
        _ => null,
    };
}
