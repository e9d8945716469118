using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>The forms that names in a bundle have. Stateless.</summary>
internal static class Names
{
    public const string LabelForm = ResourceName.LabelForm;

    /// <summary>A tenant's, project's, agent's or server's name.</summary>
    public static bool IsLabel(string text) => ResourceName.IsLabel(text);

    /// <summary><c>project/agent</c>.</summary>
    public static bool IsQualified(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && IsLabel(text[..slash]) && IsLabel(text[(slash + 1)..]);
    }

    /// <summary>A tool's name within its server, as MCP clients commonly accept it.</summary>
    public static bool IsTool(string text) =>
        text is { Length: > 0 and <= 128 }
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');

    /// <summary>A model's name: printable ASCII without spaces, quotes and backslashes.</summary>
    public static bool IsModel(string text) => ResourceName.IsModel(text);

    public static void Check(bool valid, string name, string what, string form, BundlePosition at, Problems problems)
    {
        if (!valid)
            problems.Add(at, $"'{name}' is not a name for {what}", $"it takes {form}");
    }
}
