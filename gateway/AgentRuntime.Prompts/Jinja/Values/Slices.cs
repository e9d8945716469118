namespace AgentRuntime.Prompts.Jinja;

/// <summary>Python's <c>value[start:stop:step]</c>. Stateless.</summary>
internal static class Slices
{
    public static object? Of(RenderState state, object? target, object? start, object? stop, object? step)
    {
        switch (target)
        {
            case JinjaList list:
                state.Made(list.Items.Count);
                return new JinjaList(
                    [.. Positions(list.Items.Count, start, stop, step).Select(i => list.Items[i])], list.IsTuple);
            case string text when !text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'):
                return state.Made(string.Concat(Positions(text.Length, start, stop, step).Select(i => text[i])));
            case string text:
                var items = Operations.Items(text);
                return state.Made(string.Concat(Positions(items.Count, start, stop, step).Select(i => items[i])));
            case JinjaUndefined undefined:
                throw undefined.Error();
            default:
                return new JinjaUndefined($"a slice of {Operations.TypeOf(target)}");
        }
    }

    private static IEnumerable<int> Positions(int length, object? start, object? stop, object? step)
    {
        var by = Bound(step) ?? 1;
        if (by == 0)
            throw new JinjaException("slice step cannot be zero");
        var first = Clamp(Bound(start) ?? (by > 0 ? 0 : length - 1), start is null, length, by);
        var end = stop is null ? (by > 0 ? length : -1) : Clamp(Bound(stop)!.Value, false, length, by);
        for (var i = first; by > 0 ? i < end : i > end; i += by)
            yield return (int)i;
    }

    private static long Clamp(long at, bool isDefault, int length, long by)
    {
        if (at < 0 && !isDefault)
            at += length;
        return by > 0 ? Math.Clamp(at, 0, length) : Math.Clamp(at, -1, length - 1);
    }

    private static long? Bound(object? value) => value is null ? null
        : Operations.Integer(value) is { } bound ? Math.Clamp(bound, -int.MaxValue, int.MaxValue)
        : throw new JinjaException("slice indices must be integers");
}
