using System.Collections.Frozen;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// One policy or template: effect, scope, conditions and annotations. Immutable and thread-safe.
/// </summary>
public sealed partial class CedarPolicy
{
    private readonly SourceText? _source;
    private readonly int _start;
    private readonly int _length;

    internal CedarPolicy(
        string id,
        CedarEffect effect,
        CedarScope principal,
        CedarScope action,
        CedarScope resource,
        CedarCondition[] conditions,
        IReadOnlyList<KeyValuePair<string, string?>> annotations,
        SourceText? source = null,
        int start = 0,
        int length = 0)
    {
        (Id, Effect, Principal, Action, Resource) = (id, effect, principal, action, resource);
        (Conditions, AnnotationList) = (conditions, annotations);
        (_source, _start, _length) = (source, start, length);
        Annotations = annotations.Count == 0
            ? FrozenDictionary<string, string>.Empty
            : annotations.ToFrozenDictionary(a => a.Key, a => a.Value ?? "", StringComparer.Ordinal);
    }

    /// <summary>The id within its set: <c>policy0</c>, <c>policy1</c>, … unless another was given.</summary>
    public string Id { get; }

    public CedarEffect Effect { get; }

    public CedarScope Principal { get; }

    public CedarScope Action { get; }

    public CedarScope Resource { get; }

    /// <summary>Annotations such as <c>@id("…")</c> and <c>@reason("…")</c>; one without a value is "".</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; }

    /// <summary>True when the head has a slot, so that it must be linked before it can decide anything.</summary>
    public bool IsTemplate => Principal.HasSlot || Resource.HasSlot;

    /// <summary>The template that this policy was linked from, or null.</summary>
    public string? TemplateId { get; private init; }

    /// <summary>
    /// Where the policy begins in its text; <see cref="SourcePosition.None"/> when it came from JSON.
    /// </summary>
    public SourcePosition Position => _source?.Position(_start, _length) ?? SourcePosition.None;

    internal CedarCondition[] Conditions { get; }

    /// <summary>Annotations in the order of the text; null is an annotation without a value.</summary>
    internal IReadOnlyList<KeyValuePair<string, string?>> AnnotationList { get; }

    /// <summary>The same policy under another id.</summary>
    public CedarPolicy WithId(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return new(id, Effect, Principal, Action, Resource, Conditions, AnnotationList, _source, _start, _length)
        {
            TemplateId = TemplateId,
        };
    }

    /// <summary>The policy as Cedar text, without the comments of its source.</summary>
    public override string ToString() => PolicyText.Write(this);

    internal SourcePosition PositionOf(Expr expr) =>
        _source is null || expr.Start < 0 ? Position : _source.Position(expr.Start, expr.Length);

    internal CedarPolicy Link(string id, CedarScope principal, CedarScope resource) =>
        new(id, Effect, principal, Action, resource, Conditions, AnnotationList, _source, _start, _length)
        {
            TemplateId = Id,
        };
}

/// <summary>A <c>when</c> or an <c>unless</c>.</summary>
internal readonly record struct CedarCondition(bool IsUnless, Expr Body);
