namespace AgentRuntime.Policies.Yaml;

/// <summary>
/// Finds the name that somebody probably meant: the least optimal-string-alignment distance (insertions, deletions,
/// substitutions, neighbours swapped), at most a third of the name's length. Stateless.
/// </summary>
internal static class NearestName
{
    private const int LongestCompared = 128;

    /// <summary>The nearest of <paramref name="known"/>; null when none is near. The first wins a tie.</summary>
    public static string? Find(string name, IEnumerable<string> known)
    {
        string? best = null;
        var bestDistance = Math.Max(2, name.Length / 3) + 1;
        if (name.Length > LongestCompared)
            return null;
        var lower = name.ToLowerInvariant();
        foreach (var candidate in known)
        {
            if (candidate.Length > LongestCompared)
                continue;
            var begins = IsBeginning(name, candidate) || IsBeginning(candidate, name);

            // Names are at least as far apart as their lengths are.
            if (!begins && Math.Abs(name.Length - candidate.Length) >= bestDistance)
                continue;
            var distance = begins ? 1 : Distance(lower, candidate.ToLowerInvariant());
            if (distance < bestDistance && distance < candidate.Length)
                (best, bestDistance) = (candidate, distance);
        }

        return best;
    }

    /// <summary>A suggestion that names the nearest, or lists what there is when nothing is near.</summary>
    public static string? Suggest(string name, IReadOnlyCollection<string> known) =>
        Find(name, known) is { } nearest ? $"did you mean '{nearest}'?"
        : known.Count is 0 or > 20 ? null
        : $"known: {string.Join(", ", known)}";

    private static bool IsBeginning(string part, string whole) =>
        part.Length >= 4 && whole.Length > part.Length && whole.StartsWith(part, StringComparison.OrdinalIgnoreCase);

    internal static int Distance(string a, string b)
    {
        Span<int> before = stackalloc int[b.Length + 1];
        Span<int> previous = stackalloc int[b.Length + 1];
        Span<int> current = stackalloc int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            previous[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                current[j] = Math.Min(Math.Min(previous[j] + 1, current[j - 1] + 1), previous[j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    current[j] = Math.Min(current[j], before[j - 2] + 1);
            }

            previous.CopyTo(before);
            current.CopyTo(previous);
        }

        return previous[b.Length];
    }
}
