namespace AgentRuntime.Abstractions;

/// <summary>
/// The forms of the names that people give, wherever they write them: in requests, in bundles, in configurations.
/// Stateless.
/// </summary>
public static class ResourceName
{
    /// <summary>What <see cref="IsLabel"/> asks for, for people.</summary>
    public const string LabelForm =
        "lower-case letters, digits and hyphens, at most 63, beginning with a letter or digit";

    /// <summary>What <see cref="IsModel"/> asks for, for people.</summary>
    public const string ModelForm = "at most 128 printable ASCII characters without spaces, quotes and backslashes";

    /// <summary>Whether a text can name a tenant, a project, an agent or a tool server.</summary>
    public static bool IsLabel(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text is { Length: > 0 and <= 63 }
            && text[0] != '-'
            && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
    }

    /// <summary>Whether a text can name a model.</summary>
    public static bool IsModel(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text is { Length: > 0 and <= 128 }
            && text.All(c => c is > ' ' and <= '~' and not ('"' or '\\' or '\''));
    }
}
