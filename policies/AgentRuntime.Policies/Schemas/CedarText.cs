using System.Globalization;
using System.Text;

namespace AgentRuntime.Policies;

/// <summary>Writes names and strings as Cedar source (grammar of Cedar 4.5). Stateless.</summary>
internal static class CedarText
{
    public const string Namespace = "AgentRuntime";

    /// <summary>
    /// A string literal; what is not printable ASCII becomes <c>\u{…}</c>, so that a reader sees every character.
    /// </summary>
    public static string Quote(string text)
    {
        var result = new StringBuilder(text.Length + 2).Append('"');
        foreach (var rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '"' or '\\':
                    result.Append('\\').Append((char)rune.Value);
                    break;
                case '\n':
                    result.Append("\\n");
                    break;
                case '\t':
                    result.Append("\\t");
                    break;
                case >= 0x20 and < 0x7f:
                    result.Append((char)rune.Value);
                    break;
                default:
                    result.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
                    break;
            }
        }

        return result.Append('"').ToString();
    }

    /// <summary>A pattern of everything that begins with a text.</summary>
    public static string QuotePrefix(string text) =>
        Quote(text)[..^1].Replace("*", "\\*", StringComparison.Ordinal) + "*\"";

    /// <summary><c>AgentRuntime::Agent::"demo/triage"</c>.</summary>
    public static string Uid(string type, string id) => $"{Namespace}::{type}::{Quote(id)}";
}
