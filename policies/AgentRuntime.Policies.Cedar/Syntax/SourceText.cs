namespace AgentRuntime.Policies.Cedar;

/// <summary>A text with its name; finds lines only when someone asks.</summary>
internal sealed class SourceText(string text, string? file)
{
    private int[]? _lineStarts;

    public string Text => text;

    public string? File => file;

    public SourcePosition Position(int offset, int length = 0)
    {
        var starts = _lineStarts ??= FindLines(text);
        var line = Array.BinarySearch(starts, offset);
        if (line < 0) line = ~line - 1;
        return new(file, line + 1, offset - starts[line] + 1, offset, length);
    }

    private static int[] FindLines(string text)
    {
        var starts = new List<int> { 0 };
        for (var i = 0; i < text.Length; i++)
            if (text[i] == '\n') starts.Add(i + 1);
        return [.. starts];
    }
}
