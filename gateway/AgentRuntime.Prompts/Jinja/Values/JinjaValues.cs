namespace AgentRuntime.Prompts.Jinja;

// A value is null (None), bool, long, double, string, or one of these. Values that a template sees do not change,
// but for namespaces.

/// <summary>A list or a tuple. Immutable once it is made.</summary>
internal sealed class JinjaList(IReadOnlyList<object?> items, bool isTuple = false)
{
    public IReadOnlyList<object?> Items => items;

    public bool IsTuple => isTuple;
}

/// <summary>A dict, in the order of its making. Immutable once it is made.</summary>
internal sealed class JinjaMap
{
    private static readonly object None = new();

    private readonly List<KeyValuePair<object?, object?>> _entries = [];
    private readonly Dictionary<object, int> _index = [];

    public IReadOnlyList<KeyValuePair<object?, object?>> Entries => _entries;

    public int Count => _entries.Count;

    /// <summary>Sets an entry; only its maker does.</summary>
    public JinjaMap With(object? key, object? value)
    {
        if (_index.TryGetValue(key ?? None, out var at))
        {
            _entries[at] = new(key, value);
        }
        else
        {
            _index.Add(key ?? None, _entries.Count);
            _entries.Add(new(key, value));
        }

        return this;
    }

    public bool TryGet(object? key, out object? value)
    {
        var found = _index.TryGetValue(key ?? None, out var at);
        value = found ? _entries[at].Value : null;
        return found;
    }
}

/// <summary>A name or member that is not there: empty and false, but nothing can be asked of it.</summary>
internal sealed class JinjaUndefined(string what)
{
    public string What => what;

    public JinjaException Error() => new($"{what} is undefined");
}

/// <summary>What <c>namespace()</c> makes: the only value whose members can be set. One rendering's.</summary>
internal sealed class JinjaNamespace
{
    public Dictionary<string, object?> Members { get; } = new(StringComparer.Ordinal);
}

/// <summary>A macro, method or global function. Immutable.</summary>
internal sealed class JinjaCallable(string name, Func<JinjaArguments, object?> call)
{
    public string Name => name;

    public object? Call(JinjaArguments arguments) => call(arguments);
}

/// <summary>What a call is given. Immutable.</summary>
internal sealed class JinjaArguments(IReadOnlyList<object?> positional, IReadOnlyDictionary<string, object?> named)
{
    private static readonly Dictionary<string, object?> Nothing = [];

    public static JinjaArguments Empty { get; } = new([], Nothing);

    public IReadOnlyList<object?> Positional => positional;

    public IReadOnlyDictionary<string, object?> Named => named;

    /// <summary>An argument by its position or name.</summary>
    public object? Get(int position, string name, object? otherwise = null) =>
        position < positional.Count ? positional[position]
        : named.TryGetValue(name, out var value) ? value : otherwise;

    public bool Has(int position, string name) => position < positional.Count || named.ContainsKey(name);

    public JinjaArguments Skip(int count) => new([.. positional.Skip(count)], named);
}
