using System.Text;

namespace AgentRuntime.Policies;

/// <summary>
/// Names as the most careless readers of JSON compare them. Readers that do not look at case do not agree on what it
/// is: to Go's encoding/json the long s (U+017F) is an s and the Kelvin sign (U+212A) a k, to Java's
/// <c>equalsIgnoreCase</c> the two Turkish i (U+0130, U+0131) are an i. Stateless.
/// </summary>
internal static class NameFolding
{
    /// <summary>The same text for all names that some reader takes for one.</summary>
    public static string Fold(string name)
    {
        var isPlain = true;
        foreach (var c in name)
            isPlain &= char.IsAscii(c);
        if (isPlain)
            return name.ToLowerInvariant();

        var folded = new StringBuilder(name.Length);
        foreach (var c in name)
            folded.Append(c switch
            {
                '\u0130' or '\u0131' => 'i',
                '\u017f' => 's',
                '\u212a' => 'k',
                _ => char.ToLowerInvariant(char.ToUpperInvariant(c)),
            });
        return folded.ToString();
    }
}
