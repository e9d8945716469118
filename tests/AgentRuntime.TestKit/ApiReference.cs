namespace AgentRuntime.TestKit;

/// <summary>
/// The addresses that <c>runtime/docs/api.md</c> lists. One test holds the list against what the edge maps, and others
/// go by it, so that no new address can be left out of either. Stateless.
/// </summary>
public static class ApiReference
{
    /// <summary>Every row of the page's tables.</summary>
    public static IReadOnlyList<ApiAddress> Addresses { get; } =
    [
        .. File.ReadLines(Path.Combine(Repository.Root, "runtime", "docs", "api.md"))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Where(cells => cells.Length == 6 && cells[2].StartsWith('`'))
            .Select(cells => new ApiAddress(cells[1], cells[2].Trim('`'), cells[3])),
    ];
}

/// <summary>One address. Immutable.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Pattern">The route, such as <c>/v1/runs/{id}</c>.</param>
/// <param name="Who">Who is let in: <c>key</c>, <c>join secret</c> or <c>anybody</c>.</param>
public sealed record ApiAddress(string Method, string Pattern, string Who)
{
    /// <summary>Method and route: its name in tests.</summary>
    public override string ToString() => $"{Method} {Pattern}";
}
