namespace AgentRuntime.Node.Grammar;

/// <summary>A part of a regular expression. Immutable.</summary>
internal abstract record PatternPart
{
    /// <summary>One character.</summary>
    /// <param name="Ranges">The first and last code point of each range of them, ascending and apart.</param>
    public sealed record Set(int[] Ranges) : PatternPart;

    /// <summary>One behind the other.</summary>
    public sealed record Sequence(List<PatternPart> Parts) : PatternPart;

    /// <summary>One of them.</summary>
    public sealed record Choice(List<PatternPart> Parts) : PatternPart;

    /// <summary>Several times; null for without end.</summary>
    public sealed record Repeated(PatternPart Part, int Least, int? Most) : PatternPart;
}
