namespace AgentRuntime.Policies.Cedar;

/// <summary>What a policy does when its scope and conditions hold.</summary>
public enum CedarEffect
{
    /// <summary>Not an effect.</summary>
    None = 0,
    /// <summary>Allows, unless a forbid holds.</summary>
    Permit = 1,
    /// <summary>Denies, whatever is permitted.</summary>
    Forbid = 2,
}

/// <summary>How a policy's head constrains the principal, the action or the resource.</summary>
public enum CedarScopeOperator
{
    /// <summary>Not an operator.</summary>
    None = 0,
    /// <summary>No constraint.</summary>
    Any = 1,
    /// <summary><c>== Entity</c>.</summary>
    Equal = 2,
    /// <summary><c>in Entity</c>, for actions also <c>in [Entity, …]</c>.</summary>
    In = 3,
    /// <summary><c>is Type</c>.</summary>
    Is = 4,
    /// <summary><c>is Type in Entity</c>.</summary>
    IsIn = 5,
}

/// <summary>One of the three constraints in a policy's head. Immutable.</summary>
/// <param name="Operator">The form of the constraint.</param>
/// <param name="EntityType">The type for <c>is</c>, else null.</param>
/// <param name="Entities">The entity (or the actions of a list); empty when there is none or a slot stands
/// there.</param>
/// <param name="HasSlot">True in a template where <c>?principal</c> or <c>?resource</c> stands for the entity.</param>
/// <param name="IsList">True for <c>action in […]</c>.</param>
public sealed record CedarScope(
    CedarScopeOperator Operator,
    string? EntityType,
    IReadOnlyList<EntityUid> Entities,
    bool HasSlot = false,
    bool IsList = false)
{
    /// <summary>No constraint.</summary>
    public static CedarScope Any { get; } = new(CedarScopeOperator.Any, null, []);

    // A plain array, which a decision walks without an enumerator.
    internal EntityUid[] EntityArray { get; } = [.. Entities];

    internal EntityUid Entity => EntityArray[0];

    internal CedarScope Fill(EntityUid entity) => new(Operator, EntityType, [entity], HasSlot: false, IsList);
}
