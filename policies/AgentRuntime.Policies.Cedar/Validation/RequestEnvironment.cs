namespace AgentRuntime.Policies.Cedar;

/// <summary>One combination of action, principal type and resource type that the schema allows.</summary>
internal sealed record RequestEnvironment(string Principal, ActionInfo Action, string Resource)
{
    private readonly EntityType _principal = new(Principal);
    private readonly EntityType _action = new(Action.Uid.Type);
    private readonly EntityType _resource = new(Resource);

    public static List<RequestEnvironment> AllOf(CedarSchema schema)
    {
        var all = new List<RequestEnvironment>();
        foreach (var action in schema.ActionInfos.Values)
            foreach (var principal in action.Principals)
                foreach (var resource in action.Resources) all.Add(new(principal, action, resource));
        return all;
    }

    public CedarType TypeOf(Variable variable) => variable switch
    {
        Variable.Principal => _principal,
        Variable.Action => _action,
        Variable.Resource => _resource,
        _ => Action.Context,
    };
}
