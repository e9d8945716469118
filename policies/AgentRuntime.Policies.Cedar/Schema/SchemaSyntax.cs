using Annotations = System.Collections.Generic.IReadOnlyList<
    System.Collections.Generic.KeyValuePair<string, string?>>;

namespace AgentRuntime.Policies.Cedar;

/// <summary>A schema as written, before names are resolved; both forms read into it and are written from it.</summary>
internal sealed class SchemaSyntax
{
    /// <summary>The namespaces in order; "" is the empty one.</summary>
    public List<NamespaceSyntax> Namespaces { get; } = [];
}

internal sealed class NamespaceSyntax(string name, Annotations annotations)
{
    public string Name => name;

    public Annotations Annotations => annotations;

    public List<EntityTypeSyntax> EntityTypes { get; } = [];

    public List<CommonTypeSyntax> CommonTypes { get; } = [];

    public List<ActionSyntax> Actions { get; } = [];
}

/// <summary>A name with where it stands.</summary>
internal readonly record struct NameSyntax(string Name, SourcePosition Position);

internal sealed record EntityTypeSyntax(
    NameSyntax Name,
    Annotations Annotations,
    NameSyntax[] MemberOf,
    TypeSyntax? Shape,
    TypeSyntax? Tags,
    string[]? EnumIds);

internal sealed record CommonTypeSyntax(NameSyntax Name, Annotations Annotations, TypeSyntax Type);

/// <summary>An action named by another; the type is null when only the id was written.</summary>
internal sealed record ActionRefSyntax(string? Type, string Id, SourcePosition Position);

internal sealed record AppliesToSyntax(NameSyntax[] Principals, NameSyntax[] Resources, TypeSyntax? Context);

internal sealed record ActionSyntax(
    NameSyntax Name, Annotations Annotations, ActionRefSyntax[] MemberOf, AppliesToSyntax? AppliesTo);

internal abstract record TypeSyntax(SourcePosition Position);

internal enum NameRole
{
    None = 0,
    EntityOrCommon,
    Entity,
    Extension,
    Primitive,
}

/// <summary>A name of a type. JSON says which role it has, the Cedar form never does.</summary>
internal sealed record NamedTypeSyntax(string Name, NameRole Role, SourcePosition Position) : TypeSyntax(Position);

internal sealed record SetTypeSyntax(TypeSyntax Element, SourcePosition Position) : TypeSyntax(Position);

internal sealed record AttributeSyntax(string Name, Annotations Annotations, TypeSyntax Type, bool IsRequired);

internal sealed record RecordTypeSyntax(AttributeSyntax[] Attributes, bool IsOpen, SourcePosition Position)
    : TypeSyntax(Position);
