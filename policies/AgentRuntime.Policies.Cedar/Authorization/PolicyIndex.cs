namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Finds the policies whose scope can match a request without looking at the others: a tree keyed by action, then
/// principal, then resource, each by equality, by ancestor and by type. It is a filter that never misses; each
/// candidate's scope is tested again. Immutable and thread-safe.
/// </summary>
internal sealed class PolicyIndex
{
    private readonly IndexNode _root;

    public PolicyIndex(IReadOnlyList<CedarPolicy> policies)
    {
        var compiled = new CompiledPolicy[policies.Count];
        var ordinals = new List<int>(policies.Count);
        var compiler = new NodeCompiler();
        for (var i = 0; i < compiled.Length; i++)
        {
            compiled[i] = CompiledPolicy.Compile(policies[i], compiler);
            ordinals.Add(i);
        }

        Policies = compiled;
        Reasons = new(policies);
        _root = IndexNode.Build(compiled, ordinals, level: 0);
    }

    /// <summary>The policies by ordinal.</summary>
    public CompiledPolicy[] Policies { get; }

    public ReasonLists Reasons { get; }

    /// <summary>Gives each candidate to the visit; a policy for a list of actions may come more than once.</summary>
    public void Visit(ref DecisionVisit visit) => _root.Visit(this, ref visit, level: 0);

    /// <summary>Adds the policies that may apply to some completion of a request.</summary>
    public void Collect(ISet<int> into, CedarEntities entities, CedarPartialRequest request)
    {
        var subjects = new[] { request.Action, request.Principal, request.Resource };
        _root.Collect(into, entities, subjects, level: 0);
    }
}
