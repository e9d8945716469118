using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>The Cedar entities of a bundle. Stateless.</summary>
internal static class EntityNames
{
    public static EntityUid UseModel { get; } = Uid("Action", ActionNames.UseModel);

    public static EntityUid ReadMemory { get; } = Uid("Action", ActionNames.ReadMemory);

    public static EntityUid WriteMemory { get; } = Uid("Action", ActionNames.WriteMemory);

    public static EntityUid Agent(string qualifiedName) => Uid("Agent", qualifiedName);

    public static EntityUid Client(string project) => Uid("Client", project);

    public static EntityUid Action(string tool) => Uid("Action", tool);

    public static EntityUid ToolServer(string name) => Uid("ToolServer", name);

    public static EntityUid Model(string name) => Uid("Model", name);

    public static EntityUid Memory(string bucket) => Uid("Memory", bucket);

    /// <summary>A client of a project, for a store that does not have it.</summary>
    public static CedarEntity ClientOf(string project) =>
        new(Client(project), CedarRecord.Create(("project", project)), [Uid("Project", project)]);

    public static CedarEntities Store(BundleDefinition bundle)
    {
        var all = new List<CedarEntity>();
        var projects = bundle.Agents.Select(a => a.Project)
            .Concat(bundle.Models.SelectMany(m => m.DirectProjects))
            .Distinct(StringComparer.Ordinal);
        foreach (var project in projects)
        {
            all.Add(new(Uid("Project", project)));
            all.Add(ClientOf(project));
        }

        foreach (var agent in bundle.Agents)
        {
            var name = agent.Name[(agent.Project.Length + 1)..];
            all.Add(new(
                Agent(agent.Name),
                CedarRecord.Create(("name", name), ("project", agent.Project)),
                [Uid("Project", agent.Project)]));
        }

        all.Add(new(UseModel));
        all.Add(new(ReadMemory));
        all.Add(new(WriteMemory));
        all.Add(new(Action(ActionNames.CallTool)));
        all.Add(new(Action(ActionNames.ReadOnly), parents: [Action(ActionNames.CallTool)]));
        all.Add(new(Action(ActionNames.MayWrite), parents: [Action(ActionNames.CallTool)]));
        foreach (var server in bundle.Servers)
        {
            all.Add(new(ToolServer(server.Name)));
            all.Add(new(Action(server.Name), parents: [Action(ActionNames.CallTool)]));
        }

        all.AddRange(bundle.Tools.Select(t =>
            new CedarEntity(Action(t.Name), parents: [Action(t.Server), Action(ActionNames.EffectOf(t))])));
        all.AddRange(bundle.Models.Select(m => new CedarEntity(Model(m.Name))));
        all.AddRange(bundle.Memory.Select(m => new CedarEntity(Memory(m.Name))));
        return CedarEntities.Create(all);
    }

    private static EntityUid Uid(string type, string id) => new($"{CedarText.Namespace}::{type}", id);
}
