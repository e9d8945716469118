namespace AgentRuntime.Execution;

/// <summary>Cuts what guests, servers and people wrote to what an event or a message may hold. Stateless.</summary>
internal static class ShortText
{
    /// <summary>
    /// The text when it has at most so many UTF-16 units, else its beginning. A character of two units is kept or left
    /// out as a whole: half of one is no text, and reads back from the journal as something else.
    /// </summary>
    public static string Of(string text, int most) =>
        text.Length <= most ? text : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];

    /// <summary>As <see cref="Of"/>, with an ellipsis where something was cut off.</summary>
    public static string WithEllipsis(string text, int most) => text.Length <= most ? text : Of(text, most) + "…";
}
