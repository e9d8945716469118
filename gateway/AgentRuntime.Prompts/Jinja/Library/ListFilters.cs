namespace AgentRuntime.Prompts.Jinja;

/// <summary>Jinja2's filters on sequences. Those that are lazy there are lists here. Stateless.</summary>
internal static class ListFilters
{
    public static object? Apply(RenderState state, string name, object? value, JinjaArguments a)
    {
        switch (name)
        {
            case "list":
                return state.Made(Operations.Items(value));
            case "first":
                return Operations.Items(value) is [var first, ..] ? first
                    : new JinjaUndefined("there is no first item; it");
            case "last":
                return Operations.Items(value) is [.., var last] ? last
                    : new JinjaUndefined("there is no last item; it");
            case "reverse":
                return value is string text
                    ? state.Made(string.Concat(Operations.Items(text).Reverse()))
                    : state.Made([.. Operations.Items(value).Reverse()]);
            case "items":
                return value is JinjaUndefined ? new JinjaList([])
                    : value is JinjaMap map
                        ? state.Made([.. map.Entries.Select(e => new JinjaList([e.Key, e.Value], isTuple: true))])
                        : throw new JinjaException("can only get item pairs from a mapping");
            case "dictsort":
                return Dictsort(state, value, a);
            // These five look at what is true only: of none, 0 and the like they make nothing.
            case "map" or "select" or "reject" or "selectattr" or "rejectattr" when !Operations.IsTrue(value):
                return new JinjaList([]);
            case "map":
                return Map(state, value, a);
            case "select" or "reject":
                return state.Made([.. Operations.Items(value).Where(i =>
                    Passes(i, a, 0) == (name == "select"))]);
            case "selectattr" or "rejectattr":
                return state.Made([.. Operations.Items(value).Where(i =>
                    Passes(Members.Path(state, i, a.Get(0, "attribute")), a, 1) == (name == "selectattr"))]);
            case "sort":
                return Sort(state, value, a);
            case "unique":
                var seen = new List<object?>();
                foreach (var item in Operations.Items(value))
                {
                    state.Made(seen.Count);
                    if (!seen.Exists(s => Operations.AreEqual(Folded(s, a, 0), Folded(item, a, 0))))
                        seen.Add(item);
                }

                return state.Made(seen);
            case "sum":
                var attribute = a.Get(0, "attribute");
                return Operations.Items(value).Aggregate(a.Get(1, "start", 0L), (sum, i) => Operations.Apply(
                    state, "+", sum, attribute is null ? i : Members.Path(state, i, attribute)));
            case "min" or "max":
                var all = Operations.Items(value);
                return all.Count == 0
                    ? new JinjaUndefined("there is no item; it")
                    : all.Aggregate((best, i) => Operations.Order(i, best) < 0 == (name == "min") ? i : best);
            default:
                throw new JinjaException($"there is no filter named '{name}'");
        }
    }

    private static JinjaList Map(RenderState state, object? value, JinjaArguments a)
    {
        var items = Operations.Items(value);
        if (a.Named.TryGetValue("attribute", out var attribute))
        {
            return state.Made([.. items.Select(i => Members.Path(state, i, attribute) is var found
                && found is JinjaUndefined && a.Named.TryGetValue("default", out var otherwise) ? otherwise : found)]);
        }

        var filter = TextMethods.Needed(a.Get(0, "filter"));
        return state.Made([.. items.Select(i => Filters.Apply(state, filter, i, a.Skip(1)))]);
    }

    private static bool Passes(object? item, JinjaArguments a, int skip) => a.Positional.Count <= skip
        ? Operations.IsTrue(item)
        : Tests.Apply(TextMethods.Needed(a.Positional[skip]), item, a.Skip(skip + 1));

    private static JinjaList Sort(RenderState state, object? value, JinjaArguments a)
    {
        var attribute = a.Get(2, "attribute");
        var order = Comparer<object?>.Create(Operations.Order);
        var items = Operations.Items(value);
        object? Key(object? i) => Folded(attribute is null ? i : Members.Path(state, i, attribute), a, 1);
        return state.Made(Operations.IsTrue(a.Get(0, "reverse"))
            ? [.. items.Reverse().OrderBy(Key, order).Reverse()]
            : [.. items.OrderBy(Key, order)]);
    }

    private static JinjaList Dictsort(RenderState state, object? value, JinjaArguments a)
    {
        var map = value as JinjaMap ?? throw new JinjaException("only a mapping can be sorted by dictsort");
        var byValue = a.Get(1, "by", "key") is "value";
        var order = Comparer<object?>.Create(Operations.Order);
        var entries = map.Entries.OrderBy(e => Folded(byValue ? e.Value : e.Key, a, 0), order)
            .Select(e => (object?)new JinjaList([e.Key, e.Value], isTuple: true)).ToList();
        if (Operations.IsTrue(a.Get(2, "reverse")))
            entries.Reverse();
        return state.Made(entries);
    }

    /// <summary>Text without its case, unless the case is asked to count.</summary>
    private static object? Folded(object? value, JinjaArguments a, int position) =>
        value is string text && !Operations.IsTrue(a.Get(position, "case_sensitive")) ? text.ToLowerInvariant() : value;
}
