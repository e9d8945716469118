using System.Globalization;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// What a request's address says behind its question mark. One that is given twice, or says what is not understood, is
/// refused: a bundle that was only to be checked is not put in force because of how that was written. Stateless.
/// </summary>
internal static class QueryParameters
{
    /// <summary>A text; null when there is none, or an empty one.</summary>
    /// <exception cref="RuntimeErrorException">AR1004: it is given more than once.</exception>
    public static string? Text(HttpRequest request, string name) =>
        Once(request, name) is { Length: > 0 } text ? text : null;

    /// <summary>A whole number.</summary>
    /// <exception cref="RuntimeErrorException">AR1004: it is none, out of bounds, or given more than once.</exception>
    public static long Number(HttpRequest request, string name, long otherwise, long min, long max)
    {
        if (Text(request, name) is not { } text)
            return otherwise;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number >= min && number <= max
            ? number
            : throw Malformed(name, string.Create(CultureInfo.InvariantCulture, $"'{name}' must be {min} to {max}"));
    }

    /// <summary>Yes or no; no when it is not given.</summary>
    /// <exception cref="RuntimeErrorException">AR1004: it is neither, or given more than once.</exception>
    public static bool Flag(HttpRequest request, string name) => Once(request, name) switch
    {
        null or "false" => false,
        "true" => true,
        _ => throw Malformed(name, $"'{name}' must be true or false"),
    };

    /// <summary>For what changes something: nothing that was asked for may be passed over.</summary>
    /// <exception cref="RuntimeErrorException">AR1004: there is another one than these.</exception>
    public static void AllowOnly(HttpRequest request, params ReadOnlySpan<string> names)
    {
        foreach (var name in request.Query.Keys)
        {
            if (!names.Contains(name, StringComparer.OrdinalIgnoreCase))
                throw Malformed("query", names.IsEmpty
                    ? "this address takes no query parameters"
                    : $"this address takes no other query parameters than {string.Join(", ", names)}");
        }
    }

    private static string? Once(HttpRequest request, string name) => request.Query[name] switch
    {
        [] => null,
        [var text] => text ?? "",
        _ => throw Malformed(name, $"'{name}' must be given once"),
    };

    private static RuntimeErrorException Malformed(string where, string message) =>
        new(new RuntimeError(ReasonCodes.MalformedRequest, message, where));
}
