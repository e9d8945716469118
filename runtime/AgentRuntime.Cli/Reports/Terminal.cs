using System.Globalization;
using System.Text;

namespace AgentRuntime.Cli.Reports;

/// <summary>
/// Shows text of others: what a guest, a tool or a model says must not drive the terminal, begin lines of its own, or
/// stand in another order than it is in (Unicode TR 36, "Bidirectional Text Spoofing"): people approve calls by what
/// they read.
/// </summary>
internal static class Terminal
{
    private static readonly char[] Breaks = ['\n', '\r', '\t', '\u0085', '\u2028', '\u2029'];

    /// <summary>One line on standard output.</summary>
    public static void WriteLine(string line) => Console.WriteLine(Clean(line));

    /// <summary>A piece of a text that keeps its lines.</summary>
    public static void Write(string text) =>
        Console.Write(Shown(text, static rune => rune.Value is '\n' or '\t' || IsShown(rune)));

    /// <summary>On one line, without control characters and those that direct how others are laid out.</summary>
    public static string Clean(string text) =>
        Shown(string.Join(' ', text.Split(Breaks, StringSplitOptions.RemoveEmptyEntries)), IsShown);

    private static string Shown(string text, Func<Rune, bool> isShown)
    {
        var shown = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (isShown(rune)) shown.Append(rune);
        }

        return shown.ToString();
    }

    /// <summary>The joiners are kept: scripts and emoji are written with them, and they move nothing.</summary>
    private static bool IsShown(Rune rune) => rune.Value is 0x200C or 0x200D
        || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format);
}
