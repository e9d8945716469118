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

/// <summary>
/// A table: the first <see cref="Length"/> places of an array, the rest of which, room to grow into, is null.
/// Single-writer, like the instance that owns it.
/// </summary>
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
        Length = (int)type.Limits.Min;
        Places = new object?[Length];
    }

    public TableType Type { get; }

    public int Length { get; private set; }

    /// <summary>The elements, and null behind them: for a call, which tells an element that is not there from one that
    /// is null only when it fails.</summary>
    public object?[] Places { get; private set; }

    public Span<object?> Elements => Places.AsSpan(0, Length);

    /// <summary>Whether there is room for so many more elements; more than an int can say are never.</summary>
    public bool MayGrow(int count) => (uint)count <= _max - (uint)Length;

    /// <summary>Grows by what there is room for, and returns the old length.</summary>
    public int Grow(object? value, int count)
    {
        var old = Length;
        var wanted = old + count;
        if (wanted > Places.Length)
        {
            // Doubling, so that a guest that grows one by one does not make the host copy quadratically.
            var places = new object?[(int)Math.Max(wanted, Math.Min(Places.Length * 2L, _max))];
            Elements.CopyTo(places);
            Places = places;
        }

        Length = wanted;
        Places.AsSpan(old, count).Fill(value);
        return old;
    }
}
