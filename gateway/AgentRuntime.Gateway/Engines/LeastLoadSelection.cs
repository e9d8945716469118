namespace AgentRuntime.Gateway;

/// <summary>
/// The engine with the fewest tokens under way, and of equals the one that was not chosen last. Stateless but for
/// that turn; thread-safe.
/// </summary>
internal sealed class LeastLoadSelection(EngineRouterOptions options) : IEngineSelection
{
    private uint _turn;

    public EnginePlan? Choose(in SelectionQuery query, IReadOnlyList<Engine> engines)
    {
        var turn = Interlocked.Increment(ref _turn);
        if (query.MaySplit && WantsSplit(query))
        {
            var prefill = Least(query, engines, EngineRoles.Prefill, turn, null, mustMoveKv: true);
            var decode = prefill is null
                ? null
                : Least(query, engines, EngineRoles.Decode, turn, prefill, mustMoveKv: true);
            if (prefill is not null && decode is not null)
                return new EnginePlan(decode, prefill);
        }

        var colocated = Least(query, engines, EngineRoles.Decode, turn, null, mustMoveKv: false)
            ?? Least(query with { Avoid = [] }, engines, EngineRoles.Decode, turn, null, mustMoveKv: false);
        return colocated is null ? null : new EnginePlan(colocated, null);
    }

    private bool WantsSplit(in SelectionQuery query) => options.Disaggregation switch
    {
        Disaggregation.Always => true,
        Disaggregation.Auto => query.PromptBytes >= options.DisaggregateFromPromptBytes,
        _ => false,
    };

    private static Engine? Least(
        in SelectionQuery query,
        IReadOnlyList<Engine> engines,
        EngineRoles role,
        uint turn,
        Engine? other,
        bool mustMoveKv)
    {
        Engine? best = null;
        var bestLoad = long.MaxValue;
        for (var i = 0; i < engines.Count; i++)
        {
            var engine = engines[(int)((turn + (uint)i) % (uint)engines.Count)];
            if (engine == other || !engine.Has(role) || !engine.Usable || (mustMoveKv && !engine.Descriptor.MovesKv)
                || !engine.Health.Models.ContainsKey(query.Model) || query.Avoid.Contains(engine)
                || (other is not null && engine.Descriptor.Kind != other.Descriptor.Kind)
                || engine.LoadTokens >= bestLoad)
                continue;

            best = engine;
            bestLoad = engine.LoadTokens;
        }

        return best;
    }
}
