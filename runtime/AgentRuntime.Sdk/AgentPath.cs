namespace AgentRuntime.Sdk;

/// <summary>Where an agent lives on the wire.</summary>
internal static class AgentPath
{
    public static string Of(string agent)
    {
        var parts = agent.Split('/');
        return parts is [{ Length: > 0 } project, { Length: > 0 } name]
            ? $"v1/projects/{Uri.EscapeDataString(project)}/agents/{Uri.EscapeDataString(name)}"
            : throw new ArgumentException($"'{agent}' is not of the form project/agent", nameof(agent));
    }
}
