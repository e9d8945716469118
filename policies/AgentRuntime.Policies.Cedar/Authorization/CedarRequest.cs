namespace AgentRuntime.Policies.Cedar;

/// <summary>Who wants to do what with which thing, and under which circumstances. Immutable.</summary>
public sealed class CedarRequest
{
    public CedarRequest(EntityUid principal, EntityUid action, EntityUid resource, CedarRecord? context = null)
    {
        ArgumentNullException.ThrowIfNull(principal);
        ArgumentNullException.ThrowIfNull(action);
        ArgumentNullException.ThrowIfNull(resource);
        (Principal, Action, Resource, Context) = (principal, action, resource, context ?? CedarRecord.Empty);
    }

    public EntityUid Principal { get; }

    public EntityUid Action { get; }

    public EntityUid Resource { get; }

    public CedarRecord Context { get; }
}
