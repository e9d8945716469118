using System.Text.RegularExpressions;

namespace AgentRuntime.Abstractions;

/// <summary>
/// What the parser of a command line complains of, for people: on one line, and without the names of .NET's types, that
/// are nothing to whoever typed the command. Stateless.
/// </summary>
public static partial class UsageText
{
    /// <summary>The parser's message for people.</summary>
    public static string Of(string message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return string.Join(' ', ExpectedType().Replace(message, InWords)
            .Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    private static string InWords(Match type) => type.Groups["name"].Value switch
    {
        "Int32" or "Int64" => ": it is no whole number",
        "Double" or "Single" or "Decimal" => ": it is no number",
        _ => ": it is none of the values that there are",
    };

    [GeneratedRegex(@" as expected type '[^']*?(?<name>[A-Za-z0-9]+)\]?'",
        RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex ExpectedType();
}
