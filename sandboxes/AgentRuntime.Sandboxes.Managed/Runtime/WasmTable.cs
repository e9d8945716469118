using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>A function as a value: its code bound to the instance that owns it. Immutable.</summary>
internal sealed class FunctionReference(FunctionType type, Delegate code, int index)
{
    public FunctionType Type { get; } = type;

    /// <summary>The function's index in the module that owns it.</summary>
    public int Index { get; } = index;

    /// <summary>A delegate whose type follows from <see cref="Type"/> alone, so that a cast proves a call well-typed.</summary>
    public Delegate Code { get; } = code;
}

/// <summary>A host's reference inside a guest: opaque, compared by nobody. Immutable.</summary>
internal sealed record ExternReference(ulong Value);

/// <summary>A table. Single-writer, like the instance that owns it.</summary>
internal sealed class WasmTable
{
    private readonly uint _max;

    public WasmTable(TableType type, int maxElements)
    {
        Type = type;
        _max = Math.Min(type.Limits.Max ?? uint.MaxValue, (uint)maxElements);
        if (type.Limits.Min > (uint)maxElements)
            throw new WasmTrapException(TrapKind.ResourceLimit, $"table of {type.Limits.Min} elements exceeds the limit of {maxElements}");
        Elements = new object?[type.Limits.Min];
    }

    public TableType Type { get; }

    public object?[] Elements { get; private set; }

    public int Grow(object? value, int count)
    {
        var old = Elements.Length;
        var wanted = old + (long)(uint)count;
        if (wanted > _max) return -1;
        if (wanted == old) return old;
        var elements = new object?[wanted];
        Elements.CopyTo(elements, 0);
        Array.Fill(elements, value, old, (int)wanted - old);
        Elements = elements;
        return old;
    }

    /// <summary>Back to its initial size, all null: for the next user of a pooled instance.</summary>
    public void Reset()
    {
        if (Elements.Length != (int)Type.Limits.Min) Elements = new object?[Type.Limits.Min];
        else Array.Clear(Elements);
    }
}
