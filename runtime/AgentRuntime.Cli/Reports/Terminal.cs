namespace AgentRuntime.Cli.Reports;

/// <summary>Makes text of others fit to be shown: a guest's text must not drive the terminal.</summary>
internal static class Terminal
{
    /// <summary>On one line, without control characters.</summary>
    public static string Clean(string text)
    {
        var line = string.Join(' ', text.Split(['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries));
        return string.Concat(line.Where(c => !char.IsControl(c)));
    }
}
