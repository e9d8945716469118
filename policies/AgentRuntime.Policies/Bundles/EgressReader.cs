using System.Globalization;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads <c>egress</c>, of the bundle or of one agent. Stateless.</summary>
internal static class EgressReader
{
    public const int MaxEntries = 200;

    /// <summary>The rules; null when nothing is said, so that nothing is closed.</summary>
    public static EgressRules? Read(YamlNode? node, Problems problems)
    {
        if (node is null)
            return null;
        if (node is not YamlSequence list)
        {
            problems.Add(
                node.Position, $"'egress' must be a list of hosts, not {node.Kind}", "an empty one closes all");
            return null;
        }

        if (list.Items.Count > MaxEntries)
        {
            problems.Add(node.Position, $"{list.Items.Count} hosts", $"at most {MaxEntries} are read");
            return null;
        }

        var entries = new List<string>();
        foreach (var item in list.Items)
        {
            var text = item is YamlScalar { IsNull: false } scalar ? scalar.Text : "";
            try
            {
                EgressRules.Parse([text]);
                entries.Add(text);
            }
            catch (FormatException)
            {
                problems.Add(
                    item.Position,
                    $"{item.Kind} is neither a host nor a range of addresses",
                    "such as api.example.com, '*.example.com', 'api.example.com:443' or 10.0.0.0/8");
            }
        }

        return EgressRules.Parse(entries);
    }

    /// <summary>
    /// A server that nobody may reach is a mistake, and so is a grant that the agent's own egress closes.
    /// </summary>
    public static void CheckServers(BundleDefinition bundle, Problems problems)
    {
        if (bundle.Egress is { } all)
        {
            foreach (var server in bundle.Servers.Where(s => !IsModule(s.Endpoint) && !all.Permits(s.Endpoint)))
                problems.Add(
                    server.Position,
                    $"the server '{server.Name}' is at {Place(server.Endpoint)}, which 'egress' does not list",
                    $"add {Place(server.Endpoint)} to 'egress'");
        }

        foreach (var agent in bundle.Agents)
        {
            if (agent.Policy.Egress is not { } own)
                continue;
            foreach (var grant in agent.Grants)
            {
                var name = bundle.FindTool(grant.Tool)?.Server;
                var server = bundle.Servers.FirstOrDefault(s => s.Name == name);
                if (server is not null && !IsModule(server.Endpoint) && !own.Permits(server.Endpoint))
                    problems.Add(
                        grant.Position,
                        $"'{grant.Tool}' can never be called: its server is at {Place(server.Endpoint)}, which the "
                            + "agent's 'egress' does not list",
                        $"add {Place(server.Endpoint)} to the agent's 'egress', or remove the grant");
            }
        }
    }

    // In ASCII, as the rules compare it: 'bücher.example' in the list would not be the server of that name.
    private static string Place(Uri endpoint) =>
        endpoint.HostNameType != UriHostNameType.Dns ? endpoint.Authority
        : endpoint.IsDefaultPort ? endpoint.IdnHost
        : string.Create(CultureInfo.InvariantCulture, $"{endpoint.IdnHost}:{endpoint.Port}");

    /// <summary>A tool that is a module runs here, and reaches nothing.</summary>
    private static bool IsModule(Uri endpoint) => endpoint.Scheme == "wasm";
}
