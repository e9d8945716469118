namespace AgentRuntime.Storage;

/// <summary>
/// How much one read of a journal returns, whatever its caller asks for: a run's output and a tool's result may have
/// megabytes, and many readers may hold a page each for as long as a slow client takes. A page ends with the row with
/// which it has come to its bytes. Stateless; the same for every database.
/// </summary>
internal static class JournalPage
{
    /// <summary>Bytes of events.</summary>
    public const long EventBytes = 1 << 20;

    /// <summary>Bytes of inputs and outputs of runs.</summary>
    public const long RunBytes = 4 << 20;

    private const int MaxRows = 1_000;

    /// <summary>Rows of one page.</summary>
    public static int Rows(int limit) => Math.Clamp(limit, 1, MaxRows);

    /// <summary>The first rows, up to the one with which they have so many bytes; no more are read.</summary>
    public static IReadOnlyList<T> Of<T>(IEnumerable<T> rows, Func<T, long> bytesOf, long bytes)
    {
        var page = new List<T>();
        foreach (var row in rows)
        {
            page.Add(row);
            if ((bytes -= bytesOf(row)) <= 0)
                break;
        }

        return page;
    }
}
