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

    /// <summary>Nothing, where a place is so that it may be there.</summary>
    public sealed record At(PatternPlace Place) : PatternPart;

    /// <summary>Nothing, where the text goes on with a part, or does not.</summary>
    public sealed record Ahead(PatternPart Part, bool IsNot) : PatternPart;
}

/// <summary>Places of a text that a regular expression may ask for.</summary>
internal enum PatternPlace
{
    /// <summary>Before all of it.</summary>
    Start,

    /// <summary>Behind all of it.</summary>
    End,

    /// <summary>Where a word begins or ends.</summary>
    WordBound,

    /// <summary>Where none does.</summary>
    NoWordBound,
}
