using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>A function as a value, bound to the instance that owns it; its code is bound when first called.</summary>
internal sealed class FunctionReference(ManagedInstance owner, FunctionType type, int index)
{
    private Delegate? _code;

    public ManagedInstance Owner { get; } = owner;

    public FunctionType Type { get; } = type;

    /// <summary>The function's index in the module that owns it.</summary>
    public int Index { get; } = index;

    /// <summary>A delegate whose type follows from <see cref="Type"/> alone, so that a cast proves a call
    /// well-typed.</summary>
    public Delegate Code => _code ?? Bind();

    private Delegate Bind() => _code = Owner.MakeDelegate(Index);
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
            throw new WasmTrapException(TrapKind.ResourceLimit,
                $"table of {type.Limits.Min} elements exceeds the limit of {maxElements}");
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
}
