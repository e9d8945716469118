namespace AgentRuntime.Node.Grammar;

/// <summary>Where in a grammar a text has come to, which may be within a character.</summary>
/// <param name="State">A state of its <see cref="GrammarAutomaton"/>, or none.</param>
/// <param name="Character">The bits of the character that have come.</param>
/// <param name="BytesLeft">Bytes of it that are to come.</param>
/// <param name="Least">The first character that takes as many bytes (RFC 3629, section 3).</param>
internal readonly record struct GrammarCursor(int State, int Character = 0, int BytesLeft = 0, int Least = 0)
{
    /// <summary>No text of the grammar begins so.</summary>
    public static GrammarCursor Lost => new(GrammarAutomaton.None);

    /// <summary>To find out how the text may go on would take too long.</summary>
    public static GrammarCursor TooWide => new(GrammarAutomaton.TooWide);

    public bool IsLost => State == GrammarAutomaton.None;

    public bool IsTooWide => State == GrammarAutomaton.TooWide;

    /// <summary>Whether some text goes on from here, or ends here.</summary>
    public bool IsAlive => State >= 0;
}
