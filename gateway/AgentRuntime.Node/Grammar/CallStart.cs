namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Where calls begin in an answer that may have text in their place: what it is from there on is told by a grammar.
/// Immutable.
/// </summary>
/// <param name="Marker">
/// What comes before the first call, which the grammar does not have; null where calls are all of an answer.
/// </param>
/// <param name="Heads">
/// What an answer that is calls begins with, as JSON without white space, which the grammar has; empty with a marker.
/// </param>
internal sealed record CallStart(string? Marker, IReadOnlyList<string> Heads)
{
    /// <summary>An answer that must be calls.</summary>
    public static CallStart AtOnce { get; } = new(null, []);
}
