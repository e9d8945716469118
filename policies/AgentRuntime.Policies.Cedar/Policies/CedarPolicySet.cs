using System.Diagnostics.CodeAnalysis;

namespace AgentRuntime.Policies.Cedar;

/// <summary>Policies and templates with unique ids, in order. Immutable and thread-safe.</summary>
public sealed partial class CedarPolicySet
{
    private readonly Dictionary<string, CedarPolicy> _byId;
    private PolicyIndex? _index;

    private CedarPolicySet(IReadOnlyList<CedarPolicy> all)
    {
        Policies = [.. all.Where(p => !p.IsTemplate)];
        Templates = [.. all.Where(p => p.IsTemplate)];
        _byId = all.ToDictionary(p => p.Id, StringComparer.Ordinal);
    }

    public static CedarPolicySet Empty { get; } = new([]);

    /// <summary>Static policies and links, in order.</summary>
    public IReadOnlyList<CedarPolicy> Policies { get; }

    /// <summary>Templates, which decide nothing until they are linked.</summary>
    public IReadOnlyList<CedarPolicy> Templates { get; }

    // Two threads may build it at the same time; either result serves.
    internal PolicyIndex Index => _index ??= new(Policies);

    /// <summary>Reads policy text. Ids are <c>policy0</c>, <c>policy1</c>, … in the order of the text.</summary>
    /// <exception cref="CedarException">The text is refused; all its errors are listed.</exception>
    public static CedarPolicySet Parse(string text, string? file = null, CedarLimits? limits = null) =>
        TryParse(text, out var set, out var diagnostics, file, limits) ? set : throw new CedarException(diagnostics);

    /// <summary>As <see cref="Parse"/>, without the exception.</summary>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out CedarPolicySet? set,
        out IReadOnlyList<CedarDiagnostic> diagnostics,
        string? file = null,
        CedarLimits? limits = null,
        string idPrefix = "policy")
    {
        ArgumentNullException.ThrowIfNull(text);
        limits = (limits ?? CedarLimits.Default).Validated();
        var errors = new List<CedarDiagnostic>();
        diagnostics = errors;
        set = null;
        if (text.Length > limits.MaximumTextLength)
        {
            var message = $"the text is longer than {limits.MaximumTextLength} characters";
            errors.Add(new(CedarSeverity.Error, "limit", message, new(file, 1, 1, 0, 0)));
            return false;
        }

        var policies = new PolicyParser(new(text, file), limits, errors).ReadPolicies(idPrefix);
        if (errors.Count > 0) return false;
        set = new(policies);
        return true;
    }

    /// <summary>
    /// A set of these policies and templates, for example from several files after <see cref="CedarPolicy.WithId"/>.
    /// </summary>
    /// <exception cref="CedarException">Two have one id, or there are too many.</exception>
    public static CedarPolicySet Create(IEnumerable<CedarPolicy> policies, CedarLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(policies);
        limits = (limits ?? CedarLimits.Default).Validated();
        var all = policies.ToArray();
        if (all.Length > limits.MaximumPolicies)
            throw Refused("limit", $"there are more than {limits.MaximumPolicies} policies", null);
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var policy in all)
            if (!known.Add(policy.Id)) throw Refused("duplicateId", $"the policy id `{policy.Id}` comes twice", policy);
        return new(all);
    }

    /// <summary>The policy or template with this id.</summary>
    public bool TryGet(string id, [NotNullWhen(true)] out CedarPolicy? policy) => _byId.TryGetValue(id, out policy);

    /// <summary>A set that also holds a link of a template; the values must fill exactly its slots.</summary>
    /// <exception cref="CedarException">No such template, an id that is taken, a slot without value or a value without
    /// slot.</exception>
    public CedarPolicySet Link(string templateId, string id, EntityUid? principal = null, EntityUid? resource = null)
    {
        ArgumentNullException.ThrowIfNull(templateId);
        ArgumentNullException.ThrowIfNull(id);
        if (!TryGet(templateId, out var template) || !template.IsTemplate)
            throw Refused("unknownTemplate", $"there is no template `{templateId}`", null);
        return Create([.. Templates, .. Policies, LinkTemplate(template, id, principal, resource)]);
    }

    internal static CedarPolicy LinkTemplate(
        CedarPolicy template, string id, EntityUid? principal, EntityUid? resource) =>
        template.Link(
            id,
            Fill(template, template.Principal, principal, "?principal"),
            Fill(template, template.Resource, resource, "?resource"));

    private static CedarScope Fill(CedarPolicy template, CedarScope scope, EntityUid? value, string slot)
    {
        if (scope.HasSlot)
            return value is null
                ? throw Refused("unfilledSlot", $"the slot `{slot}` has no value", template) : scope.Fill(value);
        return value is null ? scope : throw Refused("unknownSlot", $"the template has no slot `{slot}`", template);
    }

    private static CedarException Refused(string code, string message, CedarPolicy? policy) =>
        new([new(CedarSeverity.Error, code, message, policy?.Position ?? SourcePosition.None, policy?.Id)]);
}
