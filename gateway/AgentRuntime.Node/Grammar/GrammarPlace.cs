namespace AgentRuntime.Node.Grammar;

/// <summary>A place in a grammar: within an alternative of a rule, with what is to come behind the rule.</summary>
/// <param name="Sequence">The alternative.</param>
/// <param name="At">Its element; as many as it has behind the last one.</param>
/// <param name="Times">How often that has come.</param>
/// <param name="Character">Characters of it that have come this time.</param>
/// <param name="Returns">The number of the set of places at which the text may go on behind the rule.</param>
internal readonly record struct GrammarPlace(
    List<GbnfElement>? Sequence, int At, int Times, int Character, int Returns)
{
    /// <summary>Behind all of a grammar.</summary>
    public static GrammarPlace End => default;

    public bool IsEnd => Sequence is null;

    /// <summary>Whether nothing of the alternative is left.</summary>
    public bool IsDone => At == Sequence!.Count;

    public GbnfElement Element => Sequence![At];

    /// <summary>The place at the next element.</summary>
    public GrammarPlace Next => this with { At = At + 1, Times = 0, Character = 0 };

    /// <summary>
    /// The place when the element has come once more; where it may come without end, all are one in the end.
    /// </summary>
    public GrammarPlace Behind
    {
        get
        {
            var (times, most) = (Times + 1, Element.Most);
            if (times >= most) return Next;
            return this with { Character = 0, Times = most is null ? Math.Min(times, Element.Least) : times };
        }
    }
}
