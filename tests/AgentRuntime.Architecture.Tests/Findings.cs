namespace AgentRuntime.Architecture.Tests;

/// <summary>Fails with everything that was found, not with the first few.</summary>
internal static class Findings
{
    public static void AssertNone(IEnumerable<string?> findings)
    {
        var all = findings.ToArray();
        Assert.True(all.Length == 0, string.Join('\n', all));
    }
}
