namespace AgentRuntime.Prompts.Jinja;

/// <summary>The name <c>loop</c> within a loop. One rendering's.</summary>
internal sealed class LoopState(IReadOnlyList<object?> items)
{
    private int _at;
    private object? _lastSeen = new();

    public void Next() => _at++;

    public object? Member(string name) => name switch
    {
        "index" => (long)_at + 1,
        "index0" => (long)_at,
        "revindex" => (long)(items.Count - _at),
        "revindex0" => (long)(items.Count - _at - 1),
        "first" => _at == 0,
        "last" => _at == items.Count - 1,
        "length" => (long)items.Count,
        "depth" => 1L,
        "depth0" => 0L,
        "previtem" => _at > 0 ? items[_at - 1] : new JinjaUndefined("there is no previous item; it"),
        "nextitem" => _at + 1 < items.Count ? items[_at + 1] : new JinjaUndefined("there is no next item; it"),
        "cycle" => new JinjaCallable("cycle", a => a.Positional.Count == 0
            ? throw new JinjaException("no items for cycling given")
            : a.Positional[_at % a.Positional.Count]),
        "changed" => new JinjaCallable("changed", a =>
        {
            var now = new JinjaList(a.Positional, isTuple: true);
            var changed = !Operations.AreEqual(_lastSeen, now);
            _lastSeen = now;
            return changed;
        }),
        _ => new JinjaUndefined($"'loop' has no attribute '{name}'; it"),
    };
}
