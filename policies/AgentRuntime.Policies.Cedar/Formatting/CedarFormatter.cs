namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Lays policy text out: one style, comments kept, meaning untouched, and formatting twice changes nothing. Works on
/// tokens, so that nothing that was written can get lost. Pure and thread-safe.
/// </summary>
public static class CedarFormatter
{
    /// <summary>The width that lines are kept within where that is possible.</summary>
    public const int DefaultWidth = 80;

    /// <summary>The text in the house style, ending in a line feed.</summary>
    /// <exception cref="CedarException">The text does not parse.</exception>
    public static string Format(string text, int width = DefaultWidth, CedarLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 20);
        CedarPolicySet.Parse(text, limits: limits);
        return new PolicyLayout(LayoutToken.Read(text), width).Write();
    }
}
