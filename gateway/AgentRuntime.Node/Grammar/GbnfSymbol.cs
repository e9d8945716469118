namespace AgentRuntime.Node.Grammar;

/// <summary>A rule of a grammar, or a group within one. Not changed once it is read.</summary>
/// <param name="number">Which of its grammar's it is, from 0.</param>
internal sealed class GbnfSymbol(int number)
{
    public int Number => number;

    public List<List<GbnfElement>> Alternatives { get; } = [];

    public bool IsDefined { get; set; }

    /// <summary>Whether something of a grammar must differ from what came before; said of its start.</summary>
    public bool TellsItems { get; set; }

    /// <summary>As <see cref="GbnfBeginnings"/> finds out.</summary>
    public bool MayBeEmpty { get; set; }
}

/// <summary>A reference to a rule, or characters; once or repeated.</summary>
internal sealed class GbnfElement
{
    /// <summary>What it refers to; null for characters.</summary>
    public GbnfSymbol? Rule { get; init; }

    /// <summary>What it is where it refers to nothing.</summary>
    public GbnfCharacters? Characters { get; init; }

    /// <summary>How often it comes at least.</summary>
    public int Least { get; set; } = 1;

    /// <summary>How often it may come; null for without end.</summary>
    public int? Most { get; set; } = 1;

    /// <summary>Whether it is <c>""</c>.</summary>
    public bool IsNothing => Characters is { Length: 0 };

    public bool MayBeEmpty => Least == 0 || Most == 0 || IsNothing || Rule is { MayBeEmpty: true };
}
