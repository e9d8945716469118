namespace AgentRuntime.Prompts.ToolCalls;

/// <summary>Text that may be the beginning of a marker. Stateless.</summary>
internal static class PartialMarker
{
    /// <summary>The length of the longest end of a text that begins the marker.</summary>
    public static int Length(string text, string marker)
    {
        for (var length = Math.Min(marker.Length - 1, text.Length); length > 0; length--)
        {
            if (text.AsSpan(text.Length - length).SequenceEqual(marker.AsSpan(0, length)))
                return length;
        }

        return 0;
    }
}
