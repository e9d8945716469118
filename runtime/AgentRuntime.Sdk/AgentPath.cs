namespace AgentRuntime.Sdk;

/// <summary>Where an agent lives on the wire. No name of it may lead elsewhere.</summary>
internal static class AgentPath
{
    public static string Of(string agent)
    {
        var (project, name) = Split(agent);
        return $"v1/projects/{project}/agents/{name}";
    }

    /// <summary>Project and agent, each escaped as a segment of an address.</summary>
    /// <exception cref="ArgumentException">The text has another form.</exception>
    public static (string Project, string Name) Split(string agent)
    {
        // Dots alone are taken out of an address with the segment before them, escaped or not (RFC 3986 §5.2.4).
        return agent.Split('/') is [{ Length: > 0 } project, { Length: > 0 } name]
            && project is not ("." or "..") && name is not ("." or "..")
            ? (Uri.EscapeDataString(project), Uri.EscapeDataString(name))
            : throw new ArgumentException($"'{agent}' is not of the form project/agent", nameof(agent));
    }
}
