namespace AgentRuntime.Prompts.Jinja;

/// <summary>
/// <c>value.name</c> and <c>value[key]</c> (pallets/jinja: src/jinja2/environment.py, <c>getattr</c> and
/// <c>getitem</c>): methods first for the one, entries first for the other. Nothing but what is listed here can be
/// reached. Stateless.
/// </summary>
internal static class Members
{
    public static object? Attribute(RenderState state, object? target, string name) => target switch
    {
        JinjaUndefined undefined => throw undefined.Error(),
        JinjaNamespace space => space.Members.TryGetValue(name, out var value) ? value : Missing(target, name),
        LoopState loop => loop.Member(name),
        string text => (object?)TextMethods.Of(state, text, name) ?? Missing(target, name),
        JinjaMap map => Method(state, map, name) ?? (map.TryGet(name, out var value) ? value : Missing(target, name)),
        JinjaList list => (object?)Method(list, name) ?? Missing(target, name),
        _ => Missing(target, name),
    };

    public static object? Item(RenderState state, object? target, object? key)
    {
        switch (target)
        {
            case JinjaUndefined undefined:
                throw undefined.Error();
            case JinjaMap map:
                return map.TryGet(Key(key), out var value) ? value
                    : key is string method ? (object?)Method(state, map, method) ?? Missing(target, method)
                    : Missing(target, Python.Text(key));
            case JinjaList list when Operations.Integer(key) is { } index:
                index += index < 0 ? list.Items.Count : 0;
                return index >= 0 && index < list.Items.Count ? list.Items[(int)index] : Missing(target, "that index");
            case string text when Operations.Integer(key) is { } index:
                if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
                {
                    index += index < 0 ? text.Length : 0;
                    return index >= 0 && index < text.Length
                        ? text[(int)index].ToString() : Missing(target, "that index");
                }

                state.Made(text.Length);
                var characters = Operations.Items(target);
                index += index < 0 ? characters.Count : 0;
                return index >= 0 && index < characters.Count ? characters[(int)index] : Missing(target, "that index");
            default:
                return key is string name ? Attribute(state, target, name) : Missing(target, Python.Text(key));
        }
    }

    /// <summary>Follows <c>a.b.0</c>, as filters with an attribute do.</summary>
    public static object? Path(RenderState state, object? target, object? path)
    {
        if (path is not string text)
            return Item(state, target, path);
        foreach (var part in text.Split('.'))
            target = Item(state, target, long.TryParse(part, out var index) ? index : part);
        return target;
    }

    /// <summary>A value as a map's key.</summary>
    public static object? Key(object? value) => value switch
    {
        null or string or long => value,
        bool flag => flag ? 1L : 0L,
        double real => real,
        _ => throw new JinjaException($"{Operations.TypeOf(value)} cannot be a key"),
    };

    private static JinjaUndefined Missing(object? target, string name) =>
        new($"{Operations.TypeOf(target)} has no '{name}'; it");

    private static JinjaCallable? Method(RenderState state, JinjaMap map, string name) => name switch
    {
        "items" => new(name, _ =>
            state.Made([.. map.Entries.Select(e => new JinjaList([e.Key, e.Value], isTuple: true))])),
        "keys" => new(name, _ => state.Made([.. map.Entries.Select(e => e.Key)])),
        "values" => new(name, _ => state.Made([.. map.Entries.Select(e => e.Value)])),
        "get" => new(name, a => map.TryGet(Key(a.Get(0, "key")), out var value) ? value : a.Get(1, "default")),
        "copy" => new(name, _ => map),
        _ => null,
    };

    private static JinjaCallable? Method(JinjaList list, string name) => name switch
    {
        "count" => new(name, a => (long)list.Items.Count(i => Operations.AreEqual(i, a.Get(0, "value")))),
        "index" => new(name, a => list.Items.Index().Where(i => Operations.AreEqual(i.Item, a.Get(0, "value")))
            .Select(i => (long)i.Index).DefaultIfEmpty(-1).First() is >= 0 and var at
            ? at : throw new JinjaException("the value is not in the list")),
        _ => null,
    };
}
