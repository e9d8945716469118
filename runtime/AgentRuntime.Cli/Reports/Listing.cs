using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace AgentRuntime.Cli.Reports;

/// <summary>
/// Shows lists: an entry a line, or with <c>--json</c> what the API answers. That there is none, and that there is
/// more, is said on standard error, as kubectl does: what reads standard output gets entries and nothing else.
/// </summary>
internal static class Listing
{
    /// <summary>The option of every list and every question.</summary>
    public static Option<bool> Json { get; } = new("--json") { Description = "Print the answer as JSON" };

    /// <summary>Prints what the API answers, where that is asked for; whether it was.</summary>
    public static bool PrintJson<T>(this ParseResult parsed, T answer, JsonTypeInfo<T> type)
    {
        if (!parsed.GetValue(Json)) return false;
        Console.WriteLine(JsonSerializer.Serialize(answer, type));
        return true;
    }

    /// <summary>Shows a list; the exit code is that of success, whether or not it has entries.</summary>
    /// <param name="parsed">The command line, which has <see cref="Json"/>.</param>
    /// <param name="answer">The list as the API answers it.</param>
    /// <param name="type">Its form on the wire.</param>
    /// <param name="entries">Its entries.</param>
    /// <param name="show">Writes one of them for people.</param>
    /// <param name="none">What is said where there are none, such as <c>no agents</c>.</param>
    public static int Show<TList, TEntry>(
        this ParseResult parsed,
        TList answer,
        JsonTypeInfo<TList> type,
        IReadOnlyList<TEntry> entries,
        Action<TEntry> show,
        string none)
    {
        if (!parsed.PrintJson(answer, type)) Show(entries, show, none);
        return 0;
    }

    /// <summary>Shows a list for people.</summary>
    public static void Show<TEntry>(IReadOnlyList<TEntry> entries, Action<TEntry> show, string none)
    {
        foreach (var entry in entries) show(entry);
        if (entries.Count == 0) Terminal.Note(none);
    }

    /// <summary>Shows a page, and where the next one begins.</summary>
    public static int ShowPage<TPage, TEntry>(
        this ParseResult parsed,
        TPage page,
        JsonTypeInfo<TPage> type,
        IReadOnlyList<TEntry> entries,
        Action<TEntry> show,
        string none,
        string? next)
    {
        parsed.Show(page, type, entries, show, none);
        if (next is not null && !parsed.GetValue(Json)) Terminal.Note($"more: --page {next}");
        return 0;
    }

    /// <summary>The options of a list that comes in pages.</summary>
    public static (Option<int> Limit, Option<string?> Page) PageOptions() => (
        new("--limit") { Description = "How many", DefaultValueFactory = static _ => 20 },
        new("--page") { Description = "Where to go on, as the last page said" });
}
