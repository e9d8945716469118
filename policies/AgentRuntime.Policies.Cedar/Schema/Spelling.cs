namespace AgentRuntime.Policies.Cedar;

/// <summary>Finds what was probably meant.</summary>
internal static class Spelling
{
    /// <summary>The candidate with the smallest edit distance, when that is small for the name's length.</summary>
    public static string? Nearest(string name, IEnumerable<string> candidates)
    {
        if (name.Length > 100) return null;
        var (best, distance) = ((string?)null, Math.Max(2, name.Length / 3) + 1);
        foreach (var candidate in candidates)
        {
            if (Math.Abs(candidate.Length - name.Length) >= distance) continue;
            var found = Distance(name, candidate);
            if (found < distance) (best, distance) = (candidate, found);
        }

        return best;
    }

    private static int Distance(string one, string two)
    {
        var previous = new int[two.Length + 1];
        var current = new int[two.Length + 1];
        for (var j = 0; j <= two.Length; j++) previous[j] = j;
        for (var i = 1; i <= one.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= two.Length; j++)
            {
                var same = char.ToLowerInvariant(one[i - 1]) == char.ToLowerInvariant(two[j - 1]);
                current[j] = Math.Min(Math.Min(current[j - 1], previous[j]) + 1, previous[j - 1] + (same ? 0 : 1));
            }

            (previous, current) = (current, previous);
        }

        return previous[two.Length];
    }
}
