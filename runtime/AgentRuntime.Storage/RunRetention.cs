using System.Text;

namespace AgentRuntime.Storage;

/// <summary>Which ended runs of a tenant go. Stateless; the same for every database.</summary>
internal static class RunRetention
{
    /// <summary>What a run takes besides its texts, and what each of its events does: rows and their keys.</summary>
    public const int RunBytes = 512;

    /// <inheritdoc cref="RunBytes"/>
    public const int EventBytes = 64;

    /// <summary>At most so many go in one transaction.</summary>
    public const int MaxRuns = 256;

    /// <summary>At most so many bytes go in one transaction, or one run.</summary>
    private const long MaxBytes = 32 << 20;

    /// <summary>What an event counts as.</summary>
    public static long Of(string json) => EventBytes + Encoding.UTF8.GetByteCount(json);

    /// <param name="taken">What all of the tenant's ended runs take.</param>
    /// <param name="room">What they may take.</param>
    /// <param name="endedBefore">Those that ended before it go in any case; ticks.</param>
    /// <param name="oldest">The runs that ended first, with what they take.</param>
    public static IReadOnlyList<string> ToForget(
        long taken, long room, long endedBefore, IReadOnlyList<(string Id, long EndedAt, long Bytes)> oldest)
    {
        var forgotten = new List<string>();
        var bytes = 0L;
        foreach (var run in oldest)
        {
            if ((taken <= room && run.EndedAt >= endedBefore) || (bytes > 0 && bytes + run.Bytes > MaxBytes))
                break;
            forgotten.Add(run.Id);
            bytes += run.Bytes;
            taken -= run.Bytes;
        }

        return forgotten;
    }
}
