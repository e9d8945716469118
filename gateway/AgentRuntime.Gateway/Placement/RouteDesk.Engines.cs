using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <content>Which engines serve which models: an engine has a place in the pool of each base model.</content>
internal sealed partial class RouteDesk
{
    /// <summary>Brings what the core believes of an engine in line with what is known of it.</summary>
    public void Observe(Engine engine)
    {
        var health = engine.Health;
        lock (_lock)
        {
            var served = engine.Removed ? [] : ServedBase.Of(health.Models);
            if (health.Healthy)
            {
                foreach (var model in served)
                    Serve(engine, model);
            }

            foreach (var (key, placed) in _places.Where(p => p.Key.Engine == engine).ToArray())
            {
                if (engine.Removed || (health.Healthy && !served.Any(s => s.Name == key.Base)))
                {
                    _places.Remove(key);
                    Count(placed, -1, placed.Usable);
                    if (_feeds.TryGetValue(engine, out var feed) && feed.Ref == placed.Ref)
                        _feeds.Remove(engine);
                    _core.RemoveEngine(placed.Ref, Now);
                    _engines.Remove(placed.Ref);
                }
                else
                {
                    SetHealth(engine, placed);
                }
            }

            Pump();
        }
    }

    /// <summary>The lock is held.</summary>
    private void Serve(Engine engine, ServedBase model)
    {
        if (!_places.TryGetValue((engine, model.Name), out var placed))
        {
            var reference = _core.AddEngine(
                new EngineDescription(engine.Name, model.Name)
                {
                    Roles = (Routing.EngineRoles)engine.Descriptor.Roles,
                    Source = KvSource.Responses,
                    MaxRunning = engine.Descriptor.MaxRunning,
                    ReportsLoad = engine.Health.ReportsLoad,
                    TransferGroup = engine.TransferGroup,
                },
                Now);
            _engines[reference] = engine;
            _places[(engine, model.Name)] = placed = new Placed(reference, model with { Adapters = [] });
            Count(placed, 1, placed.Usable);
        }

        if (placed.Model.IsLike(model) && placed.Told)
            return;
        Count(placed, -1, placed.Usable);
        placed.Model = model;
        placed.Told = true;
        Count(placed, 1, placed.Usable);
        _core.SetServed(placed.Ref, model.Offered, model.Adapters.Select(a => a.Name), Now);

        // The bundled node loads its adapters when it starts.
        if (engine.Descriptor.Kind == EngineKind.Node)
            _core.ReportLoras(placed.Ref, model.Adapters.Select(a => a.Name));
    }

    /// <summary>
    /// The lock is held. What waits will be loaded before what is not there yet; what runs was used last.
    /// </summary>
    private void ReportLoras(Engine engine, Placed placed, LoraReport report)
    {
        if (engine.Descriptor.Kind == EngineKind.Node)
            return;
        var names = report.Waiting.Except(report.Running).Concat(report.Running.Distinct())
            .Select(name => placed.Model.NameOf(name) ?? name);
        _core.ReportLoras(placed.Ref, names, report.Capacity);
    }

    /// <summary>The lock is held. The number is good for the call that follows.</summary>
    /// <exception cref="RuntimeErrorException">
    /// AR4001: the pool is no more. AR4009: more adapters are in use than can be told apart.
    /// </exception>
    private int LoraOf(int pool, string? adapter)
    {
        if (!_core.HasPool(pool))
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.NoEngine, "the model has had no engine for long", "model"));
        }

        return _core.LoraOf(pool, adapter) is >= 0 and var number
            ? number
            : throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.Saturated, "the base model has too many adapters in use", "model"));
    }

    /// <summary>The lock is held. Counts the models of a place in or out.</summary>
    private void Count(Placed placed, int engines, bool usable)
    {
        var takesWork = usable ? engines : 0;
        var home = new ModelHome(placed.Ref.Pool, placed.Model.Name, null);
        if (placed.Model.Offered)
            _homes.Count(placed.Model.Name, home, engines, takesWork);
        foreach (var (_, name) in placed.Model.Adapters)
            _homes.Count(name, home with { Adapter = name }, engines, takesWork);
    }

    /// <summary>The lock is held.</summary>
    private void SetHealth(Engine engine, Placed placed)
    {
        _core.SetTransferGroup(placed.Ref, engine.TransferGroup);
        var health = engine switch
        {
            { Health.Healthy: false } => Routing.EngineHealth.Down,
            { Usable: false } => Routing.EngineHealth.Draining,
            _ => Routing.EngineHealth.Healthy,
        };
        if (placed.Health == health)
            return;

        Count(placed, -1, placed.Usable);
        placed.Health = health;
        Count(placed, 1, placed.Usable);
        _core.SetHealth(placed.Ref, health, Now);
        if (health == Routing.EngineHealth.Healthy && engine.Descriptor.Kind == EngineKind.Node)
            _core.ReportLoras(placed.Ref, placed.Model.Adapters.Select(a => a.Name));

        // What it says next does not follow on what has just been forgotten: the feed begins again from 0.
        if (health == Routing.EngineHealth.Down && _feeds.TryGetValue(engine, out var feed))
            feed.Events.Restarted();
    }

    private sealed class Placed(EngineRef reference, ServedBase model)
    {
        public EngineRef Ref => reference;

        public ServedBase Model { get; set; } = model;

        /// <summary>Whether the core knows of <see cref="Model"/>.</summary>
        public bool Told { get; set; }

        public Routing.EngineHealth Health { get; set; } = Routing.EngineHealth.Healthy;

        public bool Usable => Health == Routing.EngineHealth.Healthy;
    }
}
