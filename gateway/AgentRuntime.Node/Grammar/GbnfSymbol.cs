namespace AgentRuntime.Node.Grammar;

/// <summary>A rule of a grammar, or a group within one, and what <see cref="GbnfWays"/> finds out about it.</summary>
internal sealed class GbnfSymbol
{
    public List<List<GbnfElement>> Alternatives { get; } = [];

    public bool IsDefined { get; set; }

    public bool MayBeEmpty { get; set; }

    /// <summary>Places in it at which it may begin, with those on the way to a character.</summary>
    public long Ways { get; set; }

    /// <summary>Characters, or classes of them, with which it may begin.</summary>
    public long Beginnings { get; set; }

    /// <summary>Places to go through, of all beginnings, after a character that each of them takes.</summary>
    public long Steps { get; set; }

    /// <summary>Ways that may come behind its end where something must, at the most.</summary>
    public long WaysBehind { get; set; }

    /// <summary>Who may end with it, and the ways that may come before that end.</summary>
    public List<(GbnfSymbol Symbol, long Ways)> EndsOf { get; } = [];
}

/// <summary>A reference, or characters; once or repeated.</summary>
/// <param name="rule">What it refers to; null for characters.</param>
/// <param name="length">Elements that llama.cpp makes of it; 0 for characters that are none.</param>
internal sealed class GbnfElement(GbnfSymbol? rule, int length)
{
    public GbnfSymbol? Rule { get; } = rule;

    public int Length { get; } = length;

    /// <summary>What it is where it refers to nothing.</summary>
    public GbnfCharacters? Characters { get; init; }

    /// <summary>How often it comes at least.</summary>
    public int Least { get; private set; } = 1;

    /// <summary>How often it may come; null for without end.</summary>
    public int? Most { get; private set; } = 1;

    /// <summary>How often it is written out.</summary>
    public long Times { get; private set; } = 1;

    public bool MayBeLeftOut { get; private set; }

    /// <summary>Whether it may come again behind itself.</summary>
    public bool Repeats { get; private set; }

    /// <summary>Has all that it is so far repeated.</summary>
    public void Repeat(int least, int? most)
    {
        Least = (int)Math.Min((long)Least * least, int.MaxValue);
        Most = Most is { } once && most is { } times ? (int)Math.Min((long)once * times, int.MaxValue) : null;
        MayBeLeftOut |= least == 0;
        Repeats |= most is null or > 1;
        Times *= Math.Max(1, most ?? least + 1);
    }

    public bool MayBeEmpty => MayBeLeftOut || (Rule is null ? Length == 0 : Rule.MayBeEmpty);

    /// <summary>How many of those that are written out may come first: the others wait for one before them.</summary>
    public long First => Rule is { MayBeEmpty: true } ? Times : 1;

    /// <summary>As <see cref="GbnfSymbol.Ways"/>, of one of them.</summary>
    public long WaysOfOne =>
        (Rule is null ? Math.Min(Length, 1) : Rule.Ways + 1) + (Repeats || MayBeLeftOut ? 1 : 0);

    public long Ways => WaysOfOne * First;

    public long Beginnings => (Rule is null ? Math.Min(Length, 1) : Rule.Beginnings) * First;

    /// <summary>Ways within its alternative behind the last of them.</summary>
    public long WaysBehind { get; set; }

    /// <summary>Whether the alternative may end with it.</summary>
    public bool MayBeLast { get; set; }

    /// <summary>As <see cref="GbnfSymbol.Steps"/>, with those that come behind it within its alternative.</summary>
    public long Steps
    {
        get
        {
            var behind = (WaysBehind * First) + (WaysOfOne * First * (First - 1) / 2);
            if (Repeats && First == 1) behind += Ways;
            return ((Rule?.Steps ?? 0) * First) + (Beginnings / First * behind);
        }
    }
}
