using System.Collections.Immutable;

namespace AgentRuntime.Node.Grammar;

/// <summary>An array or object that is being written, within others. Immutable: what goes on is another one.</summary>
internal sealed record JsonFrame
{
    private Entry? _members;
    private int _count;

    private JsonFrame(JsonFrame? parent, bool isArray) => (Parent, IsArray, Depth, Value) =
        (parent, isArray, (parent?.Depth ?? 0) + 1, JsonDigest.Of(isArray ? '[' : '{'));

    public JsonFrame? Parent { get; }

    public bool IsArray { get; }

    /// <summary>How many there are, with it.</summary>
    public int Depth { get; }

    /// <summary>What tells it, if it ended here, from others.</summary>
    public JsonDigest Value { get; private init; }

    /// <summary>The items that others must differ from.</summary>
    public ImmutableHashSet<JsonDigest> Items { get; private init; } = [];

    /// <summary>The name of the member that is being written; null where a name is to come.</summary>
    public JsonDigest? Name { get; init; }

    public static JsonFrame Array(JsonFrame? parent) => new(parent, isArray: true);

    public static JsonFrame Object(JsonFrame? parent) => new(parent, isArray: false);

    /// <summary>Whether the names of an object's members must differ.</summary>
    public bool TellsNames { get; init; }

    /// <summary>From how many another one must differ.</summary>
    public int Count => IsArray ? Items.Count : TellsNames ? _count : 0;

    /// <summary>The outermost one that has items or names from which another one must differ; null for none.</summary>
    public JsonFrame? Outermost
    {
        get
        {
            JsonFrame? found = null;
            for (var frame = this; frame is not null; frame = frame.Parent)
                if (frame.Count > 0) found = frame;
            return found;
        }
    }

    /// <summary>With an item from which those after it must differ.</summary>
    public JsonFrame Marked(JsonDigest item) => this with { Items = Items.Add(item) };

    /// <summary>Whether a member has this name.</summary>
    public bool Has(JsonDigest name) => Find(name) is not null;

    /// <summary>With an item, or the value of the member that has a name. The last one of a name counts.</summary>
    public JsonFrame With(JsonDigest value)
    {
        if (IsArray) return this with { Value = Value.With(value) };
        if (Name is not { } name) return this;
        var before = Find(name) is { } known ? Value.Less(known) : Value;
        var member = name.With(value);
        return this with
        {
            Value = before.And(member), Name = null, _members = new(name, member, _members), _count = _count + 1,
        };
    }

    private JsonDigest? Find(JsonDigest name)
    {
        for (var entry = _members; entry is not null; entry = entry.Next)
            if (entry.Name == name)
                return entry.Member;
        return null;
    }

    private sealed record Entry(JsonDigest Name, JsonDigest Member, Entry? Next);
}
