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

    /// <summary>
    /// One line on standard error, about what is on standard output; where it cannot be written, nothing is lost.
    /// </summary>
    public static void Note(string line)
    {
        try
        {
            Console.Error.WriteLine(Clean(line));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Closed or full: the command itself did its work.
        }
    }

    /// <summary>A piece of a text that keeps its lines.</summary>
    public static void Write(string text) =>
        Console.Write(Shown(text, static rune => rune.Value is '\n' or '\t' || IsShown(rune)));

    /// <summary>On one line, without control characters and those that direct how others are laid out.</summary>
    public static string Clean(string text) =>
        Shown(string.Join(' ', text.Split(Breaks, StringSplitOptions.RemoveEmptyEntries)), IsShown);

    /// <summary>
    /// On one line, with whatever cannot be seen or looks like a space written as JSON writes it: <c>\u202e</c>.
    /// </summary>
    public static string Reveal(string text)
    {
        var shown = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value == ' ' || IsSeen(rune))
                shown.Append(rune);
            else
                foreach (var unit in rune.ToString())
                    shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
        }

        return shown.ToString();
    }

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

    private static bool IsSeen(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned)
        && !IsBlank(rune.Value);

    /// <summary>
    /// What Unicode counts among letters, marks and symbols and shows nothing for (Default_Ignorable_Code_Point), and
    /// the empty Braille pattern.
    /// </summary>
    private static bool IsBlank(int value) => value is 0x034F or 0x115F or 0x1160 or 0x17B4 or 0x17B5
        or (>= 0x180B and <= 0x180F) or 0x2800 or 0x3164 or (>= 0xFE00 and <= 0xFE0F) or 0xFFA0
        or (>= 0xE0100 and <= 0xE01EF);
}
